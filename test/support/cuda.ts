import { cuda } from 'napi-torch'

const isAvailable = cuda.isAvailable()

/** A test that needs a GPU. Without one it is skipped, and its title says why. */
export function itWithCuda(title: string, body: () => unknown): void {
  if (isAvailable) it(title, () => body() as Promise<void>)
  else it.skip(`${title} (this libtorch or this machine has no CUDA)`)
}
