import type { NativeBinding } from '../../libtorch/binding.js'

type Functions = Readonly<Record<keyof NativeBinding, (...args: readonly unknown[]) => unknown>>

/** Calls a function of a binding that is known only by its name, with arguments that it checks itself. */
export function callByName(binding: NativeBinding, name: keyof NativeBinding, args: readonly unknown[]): unknown {
  return (binding as unknown as Functions)[name](...args)
}
