import { createRequire } from 'node:module'

import type * as GrpcJs from '@grpc/grpc-js'
import type * as ProtoLoader from '@grpc/proto-loader'
import type * as Reflection from '@grpc/reflection'

const require = createRequire(import.meta.url)

// Loaded when they are asked for: together, they take half as long as the web framework, and most servers need none of them.

/** The package `@grpc/grpc-js`. */
export function grpcJs(): typeof GrpcJs {
  return require('@grpc/grpc-js') as typeof GrpcJs
}

/** Version of `@grpc/grpc-js` that is installed. */
export function grpcJsVersion(): string {
  return (require('@grpc/grpc-js/package.json') as { readonly version: string }).version
}

/** The package `@grpc/proto-loader`. */
export function protoLoader(): typeof ProtoLoader {
  return require('@grpc/proto-loader') as typeof ProtoLoader
}

/** The package `@grpc/reflection`. */
export function reflection(): typeof Reflection {
  return require('@grpc/reflection') as typeof Reflection
}
