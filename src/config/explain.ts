// What the schema says, made into sentences: what is wrong, where, and what to write instead.
import { closest, distance } from 'fastest-levenshtein'
import type { z } from 'zod'

import { scrub } from '../engine/scrub.ts'
import type { Fault } from './page.ts'
import { formatPath, type Path, quote } from './problem.ts'
import { isReference, isSecretName } from './secrets.ts'
import { rangeOf, type Source, valueAt, writtenAt } from './source.ts'

type Issue = z.core.$ZodIssue

interface Explained extends Fault {
  /** Where a key is unknown: the path of the one that was probably meant. */
  readonly meant?: string | null
  /** Where a key has to be there: the mapping that lacks it, and the keys that would do. */
  readonly lacks?: { readonly path: Path; readonly keys: readonly string[] }
}

/** Longer lists of allowed keys are only shown when no key is suggested. */
const FEW_KEYS = 12

/** What is wrong, without what follows from a mistyped key. */
export function explain(issues: readonly Issue[], source: Source): readonly Fault[] {
  const explained = issues.flatMap((issue) => flat(issue, [])).flatMap((issue) => faultsOf(issue, source))
  const unknown = explained.filter(({ meant }) => meant !== undefined)
  const meant = new Set(unknown.map((one) => one.meant))
  const puzzling = new Set(unknown.map(({ path }) => formatPath(path.slice(0, -1))))
  return explained
    .filter(({ lacks }) => lacks?.keys.some((key) => meant.has(formatPath([...lacks.path, key]))) !== true)
    .filter(({ lacks }) => !isChoice(lacks) || !puzzling.has(formatPath(lacks.path)))
}

/** An issue with its whole path; of a choice, the issues of the branch that comes closest. */
function flat(issue: Issue, before: Path): readonly Issue[] {
  const path = [...before, ...issue.path]
  const here = { ...issue, path } as Issue
  if (issue.code !== 'invalid_union') return [here]
  const branch = issue.errors.find((errors) => errors.length > 0 && !errors.some(isAboutTheWhole))
  return branch?.flatMap((inner) => flat(inner, path as Path)) ?? [here]
}

function isAboutTheWhole({ path, code }: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')
}

function faultsOf(issue: Issue, source: Source): readonly Explained[] {
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, issue, source))
  if (issue.code === 'invalid_key') return [badKey(issue.issues[0]?.message ?? '', path, source)]
  const value = valueAt(source.data, path)
  if (value === undefined && path.length > 0) return [missingKey(issue.message, path, source)]
  const said = fill(issue.message, describe(value, path, source), value)
  const message = `${at(path)}${said}${suggestion(issue, value)}`
  return [{ path, message, range: rangeOf(source.spot, path, 'value'), ...lackOf(issue) }]
}

function badKey(message: string, path: Path, { spot }: Source): Explained {
  const key = path.at(-1)
  const said = fill(message, quote(String(key)), key)
  return { path, message: `${at(path.slice(0, -1))}${said}`, range: rangeOf(spot, path, 'key') }
}

function missingKey(expectation: string, path: Path, { spot }: Source): Explained {
  const key = String(path.at(-1))
  const parent = path.slice(0, -1)
  const expected = expectation.replace(', got {got}', '').replace('{quotes}', '')
  const message = `"${key}" is missing${within(parent)}: ${expected}`
  return { path: parent, message, range: rangeOf(spot, path, 'value'), lacks: { path: parent, keys: [key] } }
}

function unknownKey(unknown: string, issue: Issue, source: Source): Explained {
  const path = issue.path as Path
  const allowed = issue.message.split(' ').filter((key) => key !== '$schema')
  const meant = similar(unknown, allowed)
  const all = meant === undefined || allowed.length <= FEW_KEYS ? ` (allowed: ${allowed.join(', ')})` : ''
  const better = meant === undefined ? '' : ` - did you mean "${meant}"?`
  return {
    path: [...path, unknown],
    message: `unknown key ${quote(unknown)}${within(path)}${better}${all}`,
    range: rangeOf(source.spot, [...path, unknown], 'key'),
    meant: meant === undefined ? null : formatPath([...path, meant]),
  }
}

function lackOf(issue: Issue): Pick<Explained, 'lacks'> {
  if (issue.code !== 'custom') return {}
  const { needs = [], inside = 0 } = (issue.params ?? {}) as { needs?: readonly string[]; inside?: number }
  const path = issue.path.slice(0, issue.path.length - inside) as Path
  return needs.length === 0 ? {} : { lacks: { path, keys: needs } }
}

/** Whether any of several keys would do: then one that is unknown was probably meant to be one of them. */
function isChoice(lacks: Explained['lacks']): lacks is NonNullable<Explained['lacks']> {
  return lacks !== undefined && lacks.keys.length > 1
}

function at(path: Path): string {
  return path.length === 0 ? '' : `${formatPath(path)}: `
}

function within(path: Path): string {
  return path.length === 0 ? '' : ` in ${formatPath(path)}`
}

function fill(message: string, got: string, value: unknown): string {
  const isBare = typeof value === 'number' || typeof value === 'boolean'
  const isPlaceholder = typeof value === 'object' && value !== null && isPlaceholderLike(value)
  const quotes = isBare || isPlaceholder ? ' - put it in quotes' : ''
  return message.replace('{got}', () => got).replace('{quotes}', quotes)
}

/** `{version}` without quotes, which YAML reads as a mapping. */
function isPlaceholderLike(value: object): boolean {
  const [first, ...others] = Object.entries(value)
  return first?.[1] === null && others.length === 0
}

/** What was found, in words, and never what is secret. */
function describe(value: unknown, path: Path, { spot }: Source): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a mapping'
  if (path.some(isSecretName) && !isReference(value)) return 'a secret'
  return typeof value === 'string' ? quote(scrub(value)) : describeBare(value, writtenAt(spot, path))
}

/** A value without quotes: also how it was written, where that is something else. */
function describeBare(value: unknown, written: string | null): string {
  if (value === null) return written || 'nothing'
  const shown = Object.is(value, -0) ? '-0' : `${value as number}`
  const said = typeof value === 'number' ? `the number ${shown}` : shown
  return written === null || written === shown ? said : `${said} (written \`${written}\`)`
}

function suggestion(issue: Issue, value: unknown): string {
  const choices = issue.code === 'invalid_value' ? issue.values : 'options' in issue ? issue.options : []
  const names = (Array.isArray(choices) ? choices : []).filter(
    (one): one is string => typeof one === 'string',
  )
  const meant = typeof value === 'string' ? similar(value, names) : undefined
  return meant === undefined ? '' : ` - did you mean "${meant}"?`
}

/** The candidate that was probably meant: the same but for case, punctuation and order, or a few slips of the finger away. */
function similar(text: string, candidates: readonly string[]): string | undefined {
  if (text.length > 60 || candidates.length === 0) return undefined
  const plain = plainOf(text)
  const same = candidates.find((candidate) => lettersOf(candidate) === lettersOf(text))
  if (same !== undefined) return same
  const near = closest(plain, candidates.map(plainOf))
  const slips = distance(plain, near)
  return slips <= Math.ceil(near.length / 3) ? candidates.find((one) => plainOf(one) === near) : undefined
}

function plainOf(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

function lettersOf(text: string): string {
  return plainOf(text).split('').toSorted().join('')
}
