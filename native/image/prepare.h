// The way from the pixels of an image to the input of a model. Plain C++: knows neither Node nor libtorch.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/kernels.h"
#include "resample.h"

namespace napi_torch::image {

// The luma of ITU-R 601-2 in 16-bit fixed point: Pillow's convert('L').
inline uint8_t Luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

// A resize of the whole image, of which a part is cut out, made gray where that is wanted, and normalized.
struct Preparation {
  Resizing resizing;
  // The corner of the part in the resized image. Outside of that all is black.
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;
  bool grayscale = false;
  int64_t channels = 0;  // Of the result, 1 or 3.
  // Of each channel of the result.
  std::array<float, 3> mean = {};
  std::array<float, 3> std = {};
};

// Tells in words what is wrong with the arguments of Prepare, or gives nullptr.
const char* PrepareFault(const Raster& source, const Preparation& preparation);

// Fills `out` (channels, height, width) with the floats that torchvision's ToTensor and Normalize give. Computes only
// the pixels of the part. Takes arguments for which PrepareFault gives nullptr. Throws std::bad_alloc.
void Prepare(const Raster& source, const Preparation& preparation, const Kernels& kernels, float* out);

}  // namespace napi_torch::image
