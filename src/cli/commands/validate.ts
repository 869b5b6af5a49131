import { ConfigError, validateConfig } from '../../config/index.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { plainLines } from '../text.ts'

export interface ValidateOptions {
  readonly version?: string
}

/**
 * Says what a rollout file would do, and touches nothing.
 * @throws ConfigError with everything that is wrong
 */
export async function validate(
  file: string,
  { version }: ValidateOptions,
  output: Output,
): Promise<ExitCode> {
  const found = await validateConfig(file, version === undefined ? {} : { version })
  if (!found.valid) throw new ConfigError(found.problems)
  output.data(plainLines(found.text))
  output.document({ valid: true, plan: found.plan })
  return EXIT.ok
}
