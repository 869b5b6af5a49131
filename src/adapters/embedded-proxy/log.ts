/** What is worth a line in the proxy's log. Requests are counted, never logged. */
export type LogLevel = 'silent' | 'error' | 'info'

export type Log = (
  level: 'error' | 'info',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void

const RANK = { silent: 0, error: 1, info: 2 }

/** JSON lines on standard error, which is a file. */
export function createLog(threshold: LogLevel): Log {
  return (level, message, fields = {}) => {
    if (RANK[level] > RANK[threshold]) return
    const line = { time: new Date().toISOString(), level, pid: process.pid, message, ...fields }
    process.stderr.write(`${JSON.stringify(line)}\n`)
  }
}
