// Presets out of what other libraries write beside their checkpoints: timm's config.json, and the preprocessor_config.json and
// config.json of Hugging Face transformers.
import { TorchError } from '../util/errors.js'
import { IMAGENET_MEAN, IMAGENET_STD } from './channel_statistics.js'
import type { InterpolationMode } from './functional.js'
import { checkPresetSettings, type PresetSettings } from './preset.js'

/** The fields of an object in JSON. */
export type JsonFields = Readonly<Record<string, unknown>>

/** timm's default, and that of transformers' class for ConvNext, which its ResNets have: 224 / 256. */
const USUAL_CROP = 0.875

/** timm's default for what a `pretrained_cfg` leaves out. */
const USUAL_SIZE = [3, 224, 224]

/** From this size on that class squashes images instead of cropping them. */
const SQUASHED_SIZE = 384

/** Pillow's filters by their numbers; timm has their names. */
const RESAMPLE: readonly InterpolationMode[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']

/**
 * Reads the settings of a preset out of a `config.json` of timm, or out of the `preprocessor_config.json` of transformers; null for
 * other files. Follows `timm.data.create_transform` with the size for tests, and `ConvNextImageProcessor`.
 *
 * @param where - The file, for messages.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, which names the field, for a way to prepare images that no preset can describe.
 */
export function settingsOfConfig(value: unknown, where: string): PresetSettings | null {
  if (!isFields(value)) return null
  const timm = isFields(value['pretrained_cfg']) ? value['pretrained_cfg'] : value
  const isTimm = timm !== value && typeof value['architecture'] === 'string'
  if (isTimm || Array.isArray(timm['input_size'])) return timmSettings(timm, value, where)
  return 'image_mean' in value && 'size' in value ? transformersSettings(value, where) : null
}

/** Names of the classes in a `config.json` of transformers or timm; null where it has none, or those that stand for none (`LABEL_0`). */
export function labelsOfConfig(value: unknown): readonly string[] | null {
  if (!isFields(value)) return null
  const names =
    value['label_names'] ?? (isFields(value['pretrained_cfg']) ? value['pretrained_cfg']['label_names'] : null)
  if (isTexts(names)) return names
  const byIndex = names ?? value['id2label']
  if (!isFields(byIndex)) return null
  const labels = Array.from({ length: Object.keys(byIndex).length }, (_, index) => byIndex[index])
  return isTexts(labels) && !labels.every((label, index) => label === `LABEL_${index}`) ? labels : null
}

/** Follows `timm.data.resolve_data_config` with `use_test_size`: what is null, 0 or empty is taken for left out, as there. */
function timmSettings(config: JsonFields, whole: JsonFields, where: string): PresetSettings {
  const [channels, height, width] = listOf(config['test_input_size']) ?? listOf(config['input_size']) ?? USUAL_SIZE
  const cropPct = said(config['test_crop_pct']) ?? said(config['crop_pct']) ?? USUAL_CROP
  const mode = said(config['crop_mode']) ?? 'center'
  const interpolation = said(config['interpolation']) ?? 'bicubic'
  const isSquare = height === width
  if (mode !== 'center' && !(mode === 'squash' && cropPct === 1)) throw unsupported(where, 'crop_mode', mode)
  if (mode === 'center' && !isSquare) throw unsupported(where, 'input_size', `${String(height)} × ${String(width)}`)
  if (typeof cropPct !== 'number' || !(cropPct > 0)) throw unsupported(where, 'crop_pct', cropPct)
  if (!RESAMPLE.some((filter) => filter === interpolation)) throw unsupported(where, 'interpolation', interpolation)
  return checkPresetSettings(where, {
    name: typeof whole['architecture'] === 'string' ? whole['architecture'] : 'timm',
    size: [height, width],
    ...(mode === 'center' && { resize: Math.floor(Number(height) / cropPct) }),
    interpolation,
    ...(channels === 1 && { grayscale: true, channels: 1 }),
    mean: listOf(config['mean']) ?? IMAGENET_MEAN,
    std: listOf(config['std']) ?? IMAGENET_STD,
    labels: labelsOfConfig(whole) ?? undefined,
  })
}

/** Gives what Python takes for true. */
function said(value: unknown): unknown {
  return value === undefined || value === null || value === 0 || value === '' ? null : value
}

function listOf(value: unknown): readonly unknown[] | null {
  return Array.isArray(value) && value.length > 0 ? value : null
}

function transformersSettings(config: JsonFields, where: string): PresetSettings {
  const resample = config['resample'] ?? 2
  const interpolation = RESAMPLE[Number(resample)]
  if (interpolation === undefined) throw unsupported(where, 'resample', resample)
  for (const step of ['do_resize', 'do_rescale', 'do_normalize']) {
    if (config[step] === false) throw unsupported(where, step, false)
  }
  const factor = config['rescale_factor'] ?? 1 / 255
  if (Math.abs(Number(factor) - 1 / 255) > 1e-6) throw unsupported(where, 'rescale_factor', factor)
  const kind = config['image_processor_type'] ?? config['feature_extractor_type']
  const name = typeof kind === 'string' ? kind : 'transformers'
  return checkPresetSettings(where, {
    name,
    ...sizesOf(config, name, where),
    interpolation,
    mean: config['image_mean'],
    std: config['image_std'],
  })
}

/** What is resized and cropped: to the shortest edge and then to a crop, or to both sides at once. */
function sizesOf(config: JsonFields, name: string, where: string): Pick<PresetSettings, 'size' | 'resize'> {
  const given = sidesOf(config['size'])
  // Older files of these classes have one number for both sides.
  const isSquare = typeof config['size'] === 'number' && /^(?:ViT|DeiT)/.test(name)
  const size = isSquare ? sidesOf({ height: config['size'], width: config['size'] }) : given
  if (size === null) throw unsupported(where, 'size', JSON.stringify(config['size']))
  const crop = config['do_center_crop'] === true ? sidesOf(config['crop_size'] ?? config['size']) : null
  const cropPct = config['crop_pct'] ?? (name.startsWith('ConvNext') ? USUAL_CROP : null)
  if ('edge' in size && typeof cropPct === 'number') {
    const { edge } = size
    return edge < SQUASHED_SIZE ? { size: [edge, edge], resize: Math.trunc(edge / cropPct) } : { size: [edge, edge] }
  }
  if ('edge' in size) {
    if (crop === null) throw unsupported(where, 'do_center_crop', false)
    return { size: 'edge' in crop ? [crop.edge, crop.edge] : crop.sides, resize: size.edge }
  }
  if (crop !== null && String('edge' in crop ? [crop.edge, crop.edge] : crop.sides) !== String(size.sides)) {
    throw unsupported(where, 'crop_size', JSON.stringify(config['crop_size']))
  }
  return { size: size.sides }
}

type Sides = { readonly edge: number } | { readonly sides: readonly [height: number, width: number] }

function sidesOf(value: unknown): Sides | null {
  if (typeof value === 'number') return { edge: value }
  if (!isFields(value)) return null
  const { shortest_edge: edge, height, width } = value
  if (typeof edge === 'number') return { edge }
  return typeof height === 'number' && typeof width === 'number' ? { sides: [height, width] } : null
}

export function isFields(value: unknown): value is JsonFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string')
}

function unsupported(where: string, field: string, value: unknown): TorchError {
  const text = `${where}: Prepares images in a way that presets do not have, ${field} ${String(value)}; pass a preset of your own`
  return new TorchError('TORCH_INVALID_ARGUMENT', text)
}
