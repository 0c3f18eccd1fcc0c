// The command line, which says at its end how much memory it took at most.
process.on('exit', () => process.stderr.write(`peak ${process.resourceUsage().maxRSS * 1024}\n`))

await import('../../lib/cli/main.js')
