import { UsageError } from '../../errors.ts'
import type { HttpAnswer } from './index.ts'

/** What an answer has to be like. */
export interface Expectation {
  /** The accepted status codes. */
  readonly status: readonly number[]
  /** Text that the body has to contain. */
  readonly body: string | null
}

/** @throws UsageError `ARGUMENT_INVALID` when no answer could ever meet it */
export function requireExpectation({ status, body }: Expectation): void {
  if (!Array.isArray(status) || status.length === 0 || !status.every(isStatus)) {
    throw new UsageError('ARGUMENT_INVALID', 'status: expected status codes', {
      hint: 'Write whole numbers from 100 to 599, for example [200, 204]',
    })
  }
  if (body !== null && typeof body !== 'string')
    throw new UsageError('ARGUMENT_INVALID', 'body: expected some text', { hint: 'Or null for any body' })
}

/** What is wrong with an answer, in words: `503 instead of 200`. Null when nothing is. */
export function complaintAbout(answer: HttpAnswer, { status, body }: Expectation): string | null {
  if (!status.includes(answer.status)) {
    const redirect = answer.headers.location === undefined ? '' : ' (redirects are not followed)'
    return `${answer.status} instead of ${ranges(status)}${redirect}`
  }
  if (body === null || answer.body.includes(body)) return null
  return `${answer.isWhole ? 'the body has no' : 'what was read of the body has no'} '${shortened(body)}'`
}

/** `[200, 201, 202, 404]` as `200-202 or 404`. */
function ranges(status: readonly number[]): string {
  const found: { from: number; to: number }[] = []
  for (const code of [...new Set(status)].toSorted((a, b) => a - b)) {
    const last = found.at(-1)
    if (last?.to === code - 1) last.to = code
    else found.push({ from: code, to: code })
  }
  return found.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(' or ')
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function isStatus(code: unknown): boolean {
  return Number.isInteger(code) && Number(code) >= 100 && Number(code) <= 599
}
