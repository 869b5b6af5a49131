import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, onTestFinished, test } from 'vitest'

import { procTable, psTable } from '../../../src/adapters/local-processes/process-table.ts'
import {
  discard,
  issueTicket,
  ticketsIn,
  userOf,
  useTicket,
  withdraw,
} from '../../../src/adapters/local-processes/ticket.ts'

async function directory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-tickets-'))
  onTestFinished(async () => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Starts a program with a ticket; resolves with what it printed once it has ended. */
function programWith(ticket: string, script = useTicket(procTable)): Promise<string> {
  return new Promise((resolve) => {
    const args = ['-c', script, ticket, '/bin/sh', '-c', 'echo ran as $$']
    execFile('/bin/sh', args, (_, stdout) => resolve(stdout.trim()))
  })
}

test.each([
  ['/proc', procTable],
  ['ps', psTable],
])('a program that used its ticket is known by it, by way of %s', async (_, table) => {
  const dir = await directory()
  const ticket = join(dir, await issueTicket(dir, table))
  expect(await userOf(ticket, table)).toBe(null)

  const said = await programWith(ticket, useTicket(table))

  const user = await userOf(ticket, table)
  expect(said).toBe(`ran as ${user?.pid}`)
  expect(user).toEqual({ pid: user?.pid, start: expect.any(String), machine: await table.machine() })
  expect(await withdraw(ticket, table)).toEqual(user)
})

test('a ticket that was withdrawn lets nobody run, also when it is withdrawn again', async () => {
  const dir = await directory()
  const ticket = join(dir, await issueTicket(dir, procTable))
  expect(await withdraw(ticket, procTable)).toBe(null)
  expect(await programWith(ticket)).toBe('')
  expect(await withdraw(ticket, procTable)).toBe(null)
  expect(await ticketsIn(dir)).toHaveLength(1)
  await discard(ticket)
  expect(await ticketsIn(dir)).toEqual([])
  expect(await withdraw(ticket, procTable)).toBe(null)
})

test('whoever is faster, a program runs if and only if the one who withdraws its ticket knows it', async () => {
  const dir = await directory()
  const ends = { ran: 0, withdrawn: 0 }
  // It finds the moment at which a ticket is used, however fast this machine is, and stays around it.
  for (let ms = 0; ends.ran < 8 || ends.withdrawn < 8;) {
    const ticket = join(dir, await issueTicket(dir, procTable))
    const said = programWith(ticket)
    await sleep(ms)
    const user = await withdraw(ticket, procTable)
    expect(await said).toBe(user === null ? '' : `ran as ${user.pid}`)
    ends[user === null ? 'withdrawn' : 'ran'] += 1
    ms = user === null ? ms + 1 : Math.max(0, ms - 1)
  }
})
