import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { checkOptions, checkString } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Dataset, type Sample } from './dataset.js'
import { decodeImage, type DatasetDecodeOptions } from './decode/decode.js'
import { hasCode, reasonOf } from '../util/errno.js'

/** Endings of the files that {@link ImageFolder} takes for images, whatever their case: torchvision's. */
export const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp'] as const

/** Options of {@link ImageFolder.open}. */
export interface ImageFolderOptions extends DatasetDecodeOptions {
  /** Endings of the files that are images, in lower case. Default: {@link IMAGE_EXTENSIONS}. */
  readonly extensions?: readonly string[] | undefined
}

/** An image file and its class. */
export interface ImageFile {
  readonly path: string
  /** Index of the class in `classes`. */
  readonly label: number
}

/**
 * Image files in one folder a class: `root/dog/1.jpg`, `root/cat/any/depth/2.png`. Order and labels are those of
 * `torchvision.datasets.ImageFolder`: class folders by name, in each the files by folder and name, by code points.
 */
export class ImageFolder extends Dataset {
  readonly classes: readonly string[]
  /** All files, in order. */
  readonly samples: readonly ImageFile[]
  readonly #decodeOptions: DatasetDecodeOptions

  /**
   * Lists the files; none is opened before it is asked for.
   *
   * @throws {TorchError} `TORCH_DATASET` if the folder is missing, or it or one of its class folders holds no image.
   */
  static async open(root: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
    checkString('root', root)
    checkOptions('ImageFolder.open()', options, ['extensions', 'exifOrientation', 'maxPixels', 'maxBytes'])
    const { extensions = IMAGE_EXTENSIONS, ...decodeOptions } = options

    const classes = (await list(root)).folders
    if (classes.length === 0) throw failure(`Couldn't find any class folder in ${root}.`)
    const samples: ImageFile[] = []
    const empty: string[] = []
    for (const [label, name] of classes.entries()) {
      const paths = await imagesBelow(join(root, name), extensions)
      if (paths.length === 0) empty.push(name)
      for (const path of paths) samples.push({ path, label })
    }
    if (empty.length > 0) {
      const supported = `Supported extensions are: ${extensions.join(', ')}`
      throw failure(`Found no valid file for the classes ${empty.join(', ')}. ${supported}`)
    }
    return new ImageFolder(classes, samples, decodeOptions)
  }

  private constructor(classes: readonly string[], samples: readonly ImageFile[], decodeOptions: DatasetDecodeOptions) {
    super()
    this.classes = classes
    this.samples = samples
    this.#decodeOptions = decodeOptions
  }

  get length(): number {
    return this.samples.length
  }

  override async label(index: number): Promise<number> {
    return this.samples[index]?.label ?? super.label(index)
  }

  protected override async read(index: number): Promise<Sample> {
    const { path, label } = this.samples[index] ?? { path: '', label: 0 }
    return { image: await decodeImage(path, this.#decodeOptions), label }
  }
}

/** The images in a folder and those below it: folder by folder, in the order of their paths. */
async function imagesBelow(folder: string, extensions: readonly string[]): Promise<string[]> {
  const found: { readonly folder: string; readonly files: readonly string[] }[] = []
  const walk = async (current: string, above: ReadonlySet<string>): Promise<void> => {
    const real = await realpath(current)
    if (above.has(real)) return // A link that leads back up.
    const { folders, files } = await list(current)
    found.push({ folder: current, files })
    for (const name of folders) await walk(join(current, name), new Set([...above, real]))
  }
  await walk(folder, new Set())

  return found
    .sort((a, b) => byCodePoints(a.folder, b.folder))
    .flatMap((entry) => entry.files.map((name) => join(entry.folder, name)))
    .filter((path) => extensions.some((extension) => path.toLowerCase().endsWith(extension)))
}

/** The names in a folder, sorted; links count as what they lead to. */
async function list(folder: string): Promise<{ folders: string[]; files: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    const reason = hasCode(cause, 'ENOTDIR') ? 'Is not a folder' : reasonOf(cause, 'folder')
    throw failure(`${folder}: ${reason}`, cause)
  })
  const folders: string[] = []
  const files: string[] = []
  for (const entry of entries) {
    const isFolder = entry.isSymbolicLink() ? await leadsToFolder(join(folder, entry.name)) : entry.isDirectory()
    ;(isFolder ? folders : files).push(entry.name)
  }
  return { folders: folders.sort(byCodePoints), files: files.sort(byCodePoints) }
}

async function leadsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

/** Python's order of strings: UTF-8 sorts by code points, UTF-16 does not. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function failure(text: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_DATASET', text, { cause })
}
