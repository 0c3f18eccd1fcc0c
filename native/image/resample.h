// Resampling of 8-bit images, equal to Pillow's Image.resize to the byte. Plain C++: knows neither Node nor libtorch.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"
#include "windows.h"

namespace napi_torch::image {

// A row-major (height, width, channels) image of bytes that lives elsewhere. `channels` is 1, 3 or 4.
struct Raster {
  const uint8_t* pixels = nullptr;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
};

// A part of an image, in pixels from its top left corner.
struct Box {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
};

// The whole result of a resize of `box`.
struct Resizing {
  int64_t height = 0;
  int64_t width = 0;
  Filter filter = Filter::kBilinear;
  Box box;
};

// A float holds each pixel index up to here. It also keeps every product of sizes far below 2^63.
constexpr int64_t kMaxSide = int64_t{1} << 24;

// Tells in words what is wrong with the arguments of Resample, or gives nullptr.
const char* ResampleFault(const Raster& source, const Resizing& resizing);

// Fills `out` with the pixels in `rows` and `columns` of the result, of which there are some. The channels are
// independent: colors are not premultiplied by an alpha, as Pillow does for its RGBA mode only. Takes arguments for
// which ResampleFault gives nullptr. Throws std::bad_alloc.
void Resample(const Raster& source, const Resizing& resizing, const Span& rows, const Span& columns,
              const Kernels& kernels, uint8_t* out);

}  // namespace napi_torch::image
