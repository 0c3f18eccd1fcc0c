import { checkOptionNames, checkPositiveInteger, isOptions } from '../util/check.js'
import { TorchError } from '../util/errors.js'

/** Options that all networks of `napi-torch/models` have beside their own. */
export interface NetworkOptions {
  /** Channels of the image. Default: `3`. **Not in torchvision**, where users replace the first convolution. */
  readonly inputChannels?: number | undefined
  /** Outputs of the head. Default: `1000`. */
  readonly numClasses?: number | undefined
}

/** The names of {@link NetworkOptions}. */
export const NETWORK_OPTIONS = ['inputChannels', 'numClasses'] as const

/** {@link NetworkOptions} with their defaults. */
export interface NetworkSizes {
  readonly inputChannels: number
  readonly numClasses: number
}

/**
 * Checks the options of a network, and gives those that all networks have.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an unknown option, for a size that is no positive integer, and for `weights`
 * and `pretrained`, as nothing is downloaded.
 */
export function readNetworkOptions(name: string, options: NetworkOptions, known: readonly string[]): NetworkSizes {
  checkNetworkOptions(name, options, [...NETWORK_OPTIONS, ...known])
  const { inputChannels = 3, numClasses = 1000 } = options
  return {
    inputChannels: checkPositiveInteger('inputChannels', inputChannels),
    numClasses: checkPositiveInteger('numClasses', numClasses),
  }
}

/**
 * Checks that the options of a function that builds one form of a network are an object, and leave open what that form decides:
 * before they are spread, which would take a text or a number for no options.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`
 */
export function checkFormOptions(name: string, options: object, decided: readonly string[] = []): void {
  if (!isOptions(options, [])) checkOptionNames(name, options, [], 'numClasses')
  const given = decided.find((each) => Object.hasOwn(options, each))
  if (given === undefined) return
  throw new TorchError('TORCH_INVALID_ARGUMENT', `${name}() decides ${given}: to choose it, make the class by itself`)
}

/** Checks the names of a network's options. */
export function checkNetworkOptions(name: string, options: object, known: readonly string[]): void {
  const asked = ['weights', 'pretrained'].find((each) => isOptions(options, []) && each in options)
  if (asked !== undefined) {
    const text = `${name} has no option ${asked}, as nothing is downloaded: use loadCheckpoint() and loadStateDict()`
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  checkOptionNames(name, options, known, 'numClasses')
}
