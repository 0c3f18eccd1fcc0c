// The command line in a process that takes itself for an older Node.js: NAPI_TORCH_TEST_NODE is its version.
const versions = { ...process.versions, node: process.env['NAPI_TORCH_TEST_NODE'] ?? '' }
Object.defineProperty(process, 'versions', { value: versions })

await import('../../lib/cli/main.js')
