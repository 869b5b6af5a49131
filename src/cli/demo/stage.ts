import type { RolloutView } from '../../engine/view.ts'
import type { Output } from '../output.ts'
import { count } from '../view/format.ts'
import { openScreen, type Screen } from '../view/screen.ts'
import { costWords } from '../view/words.ts'
import type { Seen } from './load.ts'
import type { DemoReport } from './report.ts'

/** Where the demo is shown: a picture in a terminal, lines everywhere else, and the report at the end. */
export class Stage {
  readonly #output: Output
  #screen: Screen | null = null

  constructor(output: Output) {
    this.#output = output
  }

  /** An act begins; the last picture of the one before stays. */
  async begin(title: string): Promise<void> {
    this.#screen?.close()
    this.#output.data('', title, '')
    const { json, quiet } = this.#output
    this.#screen = await openScreen({ stream: json ? process.stderr : process.stdout, isQuiet: quiet })
  }

  /** A rollout as it stands now, and what the people in front of it have seen. */
  show(view: RolloutView, { sent, failed }: Seen): void {
    this.#screen?.show([view], [`  client    ${count(sent)} requests sent, ${count(failed)} lost`])
  }

  /** Something that no rollout would tell. */
  say(line: string): void {
    this.#screen?.say(line)
  }

  end(report: DemoReport): void {
    this.close()
    this.#output.data(...summaryOf(report))
    this.#output.document(report)
  }

  close(): void {
    this.#screen?.close()
    this.#screen = null
  }
}

/** What the demo comes to, in lines. */
function summaryOf({ acts, requests, isAsExpected }: DemoReport): readonly string[] {
  const { sent, counted, failed, agree, byProxy } = requests
  const ends = acts.map(({ rollout, expected }) => {
    const { version, outcome } = rollout
    const is = outcome?.status ?? 'not over'
    const cost = costWords(rollout)
    return `  ${version}  ${is}${cost === null ? '' : `, ${cost}`}${is === expected ? '' : ` (expected: ${expected})`}`
  })
  const answers = Object.entries(byProxy).map(
    ([version, [, good, , , broken]]) =>
      `  ${version}  answered ${count(good)} requests well and ${count(broken)} with an error of its own`,
  )
  const verdict = agree ? 'they agree to the last request' : 'THEY DO NOT AGREE'
  return [
    '',
    'What became of the releases',
    ...ends,
    '',
    'What became of the requests',
    ...answers,
    `  The client sent ${count(sent)}, the proxy counted ${count(counted)}: ${verdict}.`,
    `  ${count(failed)} were lost to a release, or to the death of its controller.`,
    ...(isAsExpected ? [] : ['', 'This is not what the demo was to show.']),
  ]
}
