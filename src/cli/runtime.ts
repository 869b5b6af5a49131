// The first thing the command looks at, before anything is loaded that an older Node can't even parse. So this file
// imports nothing, and is written in words that every Node with ECMAScript modules understands.

/** Whether this version of Node has the SQLite that the store needs (3.51.3): what `engines` in package.json says. */
export function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  const place = (major * 1000 + minor) * 1000 + patch
  return (major === 22 && place >= 22022003) || place >= 24015000
}

/** Ends the process with exit code 2 and a sentence when it runs on a Node that is too old; else does nothing. */
export function assertRuntime(): void {
  const version = process.versions.node
  if (isSupportedNode(version)) return
  process.stderr.write(
    `sluice needs Node 24.15.0 or newer, or Node 22 from 22.22.3 on. This is Node ${version} (${process.execPath}).\n` +
      'Install a newer one from https://nodejs.org, or with your version manager: nvm install 24\n',
  )
  process.exit(2)
}
