// Plays every scenario of this folder. To change what one expects: `npx vitest run test/scenarios -u`, then read the
// diff; commit only answers that you can explain.
import { readdirSync, readFileSync } from 'node:fs'

import { describe, expect, test } from 'vitest'

import { strategies } from '../../src/machines/index.ts'
import { arrowsOf, restingPlaces } from '../../src/testing/arrows.ts'
import { replay } from '../../src/testing/scenario.ts'

const folder = new URL('./', import.meta.url)
const files = readdirSync(folder).filter((file) => file.endsWith('.txt'))
const textOf = (file: string) => readFileSync(new URL(file, folder), 'utf8')

test.each(files)('%s', async (file) => {
  await expect(replay(textOf(file), strategies).text).toMatchFileSnapshot(`./${file}`)
})

test.each(files)('%s says first what it shows', (file) => {
  expect(textOf(file)).toMatch(/^# \S/)
})

describe.each(Object.entries(strategies))('the scenarios of %s', (name, { machine }) => {
  const own = files.filter((file) => file.startsWith(`${name}-`))
  const played = () => own.map((file) => replay(textOf(file), strategies))

  test('walk every arrow', () => {
    const walked = new Set(played().flatMap(({ arrows }) => arrows))
    expect(arrowsOf(machine).filter((arrow) => !walked.has(arrow))).toEqual([])
  })

  test('reach every state', () => {
    const reached = new Set(played().flatMap(({ states }) => states))
    expect(restingPlaces(machine).filter((state) => !reached.has(state))).toEqual([])
  })
})
