/**
 * The command that runs npm, for `run` of console.mjs: npm names its own program to the scripts that it runs, and is not
 * always on the path.
 */
export function npmCommand(args) {
  const program = process.env.npm_execpath
  if (program !== undefined && /\bnpm-cli\.[cm]?js$/.test(program)) {
    return { command: process.execPath, args: [program, ...args], shell: false }
  }
  // On Windows npm is a script for the shell.
  return { command: 'npm', args, shell: process.platform === 'win32' }
}
