// Starts the worker of the sources, as tests and benchmarks run them: tsx registers itself in the main thread only.
import { register } from 'tsx/esm/api'

register()
await import('./worker.ts')
