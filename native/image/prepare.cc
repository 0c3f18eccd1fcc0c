#include "prepare.h"

#include <algorithm>
#include <cstddef>
#include <memory>

namespace napi_torch::image {
namespace {

// The float of each byte.
using Table = std::array<float, 256>;

// Rounds where torchvision does: after the division by 255, the subtraction and the division by the deviation.
Table TableOf(float mean, float std) {
  Table table;
  for (size_t value = 0; value < table.size(); ++value) {
    table[value] = (static_cast<float>(value) / 255.0f - mean) / std;
  }
  return table;
}

// The overlap of the pixels from `first` on with those of an image of `size`.
Span Overlap(int64_t first, int64_t count, int64_t size) {
  const int64_t start = std::max<int64_t>(first, 0);
  return {start, std::max<int64_t>(std::min(first + count, size) - start, 0)};
}

// Makes pixels of `channels` bytes gray in place: one byte for each pixel.
void MakeGray(uint8_t* pixels, int64_t count, int64_t channels) {
  if (channels == 1) return;
  for (int64_t i = 0; i < count; ++i) pixels[i] = Luma(pixels + i * channels);
}

}  // namespace

const char* PrepareFault(const Raster& source, const Preparation& preparation) {
  const auto& [resizing, top, left, height, width, grayscale, channels, mean, std] = preparation;
  const auto is_side = [](int64_t side) { return side >= 1 && side <= kMaxSide; };
  const auto is_corner = [](int64_t corner) { return corner >= -kMaxSide && corner <= kMaxSide; };
  if (const char* const fault = ResampleFault(source, resizing)) return fault;
  if (source.channels == 4) return "1 or 3 channels";
  if (!is_side(height) || !is_side(width)) return "a crop of 1 to 16777216 pixels on each side";
  if (!is_corner(top) || !is_corner(left)) return "a crop that begins within 16777216 pixels";
  if (channels != 1 && channels != 3) return "1 or 3 channels of the result";
  if (!grayscale && channels != source.channels) return "as many channels in the result as in the source";
  return nullptr;
}

void Prepare(const Raster& source, const Preparation& preparation, const Kernels& kernels, float* out) {
  const auto& [resizing, top, left, height, width, grayscale, channels, mean, std] = preparation;
  const Span rows = Overlap(top, height, resizing.height);
  const Span columns = Overlap(left, width, resizing.width);
  const int64_t pixels = rows.count * columns.count;

  const auto cropped = std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(pixels * source.channels));
  if (pixels > 0) Resample(source, resizing, rows, columns, kernels, cropped.get());
  if (grayscale) MakeGray(cropped.get(), pixels, source.channels);

  // The source is channels-last. Gray has one channel, which all channels of the result repeat.
  const int64_t step = grayscale ? 1 : channels;
  for (int64_t c = 0; c < channels; ++c, out += height * width) {
    const Table table = TableOf(mean[static_cast<size_t>(c)], std[static_cast<size_t>(c)]);
    if (pixels < height * width) std::fill_n(out, height * width, table[0]);
    const uint8_t* pixel = cropped.get() + (grayscale ? 0 : c);
    for (int64_t y = 0; y < rows.count; ++y) {
      float* const row = out + (rows.first - top + y) * width + (columns.first - left);
      for (int64_t x = 0; x < columns.count; ++x, pixel += step) row[x] = table[*pixel];
    }
  }
}

}  // namespace napi_torch::image
