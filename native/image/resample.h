// Resampling of 8-bit images, equal to Pillow's Image.resize to the byte. Plain C++: knows neither Node nor libtorch.
#pragma once

#include <cstdint>

namespace napi_torch {

enum class Filter { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// A row-major (height, width, channels) image of bytes that lives elsewhere. `channels` is 1, 3 or 4.
template <typename Byte>
struct Raster {
  Byte* pixels = nullptr;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
};

// A part of an image, in pixels from its top left corner. Pillow keeps the edges as floats: so they round here too.
struct Box {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
};

// A float holds each pixel index up to here. It also keeps every product of sizes far below 2^63.
constexpr int64_t kMaxSide = int64_t{1} << 24;

// Tells in words what is wrong with the arguments of Resample, or gives nullptr.
const char* ResampleFault(const Raster<const uint8_t>& source, const Raster<uint8_t>& target, const Box& box);

// Fills `target` with `box` of `source`. The channels are independent: colours are not premultiplied by an alpha, as
// Pillow does for its RGBA mode only. Takes arguments for which ResampleFault gives nullptr. Throws std::bad_alloc.
void Resample(const Raster<const uint8_t>& source, const Raster<uint8_t>& target, Filter filter, const Box& box);

}  // namespace napi_torch
