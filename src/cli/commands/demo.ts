import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

export interface DemoCommandOptions {
  readonly isFast: boolean
  /** A temporary directory when left out. */
  readonly stateDir: string | undefined
}

/** Three releases of a real service under load, one of them bad. */
export async function demo({ isFast, stateDir }: DemoCommandOptions, output: Output): Promise<ExitCode> {
  const [{ runDemo }, { Stage }] = await Promise.all([import('../demo/demo.ts'), import('../demo/stage.ts')])
  const stage = new Stage(output)
  return runDemo({ isFast, stage, ...(stateDir === undefined ? {} : { stateDir }) })
}
