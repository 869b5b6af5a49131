import { UsageError } from '../../errors.ts'
import { placeOf } from '../requests/index.ts'

/** Where a connection goes. */
export interface Port {
  readonly host: string
  readonly port: number
}

/**
 * Host and port of an `http`, `https` or `tcp` URL.
 * @throws UsageError `ARGUMENT_INVALID` for any other
 */
export function portOf(url: string): Port {
  const isTcp = typeof url === 'string' && url.startsWith('tcp://')
  if (isTcp && !/:\d+\/?$/.test(url)) {
    throw new UsageError('ARGUMENT_INVALID', 'url: expected one with a port', {
      hint: "For example 'tcp://127.0.0.1:5432'",
    })
  }
  const { host, port } = placeOf(isTcp ? url.replace('tcp:', 'http:') : url)
  return { host, port }
}
