import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of the model in this package and its test images. */
export const FASHION_MNIST = fileURLToPath(new URL('../../models/fashion-mnist', import.meta.url))

/** The embedded checkpoint. */
export const CHECKPOINT = join(FASHION_MNIST, 'resnet18-fashion-mnist.pth')
