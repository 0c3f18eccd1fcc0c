// `functional` of `napi-torch/vision`: torchvision.transforms.functional.

export { centerCrop, normalize, pad, resize, toGrayscale, toTensor } from './functional.js'
export { affine, crop, hflip, rotate, vflip } from './functional_geometry.js'
export {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
  autocontrast,
  equalize,
  invert,
  posterize,
  solarize,
} from './functional_color.js'
export { gaussianBlur } from './gaussian_blur.js'
export { erase } from './random_erasing.js'
