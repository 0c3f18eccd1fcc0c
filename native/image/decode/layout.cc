#include "layout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace napi_torch::image {
namespace {

void Paint(uint8_t* rgb, uint8_t gray) { rgb[0] = rgb[1] = rgb[2] = gray; }

template <typename Number>
uint8_t Clip(Number value) {
  // The comparison is false for NaN, which is black.
  if (!(value > Number{0})) return 0;
  return value >= Number{255} ? 255 : static_cast<uint8_t>(value);
}

uint32_t ReadUint(const uint8_t* bytes, int count, bool big_endian) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[big_endian ? i : count - 1 - i];
  return value;
}

uint8_t ReadClipped(const Layout& layout, const uint8_t* row, int64_t x) {
  const bool big = layout.big_endian;
  switch (layout.type) {
    case NumberType::kUint8:
      return row[x];
    case NumberType::kUint12: {
      const uint8_t* const pair = row + x / 2 * 3;
      const int value = x % 2 == 0 ? pair[0] << 4 | pair[1] >> 4 : (pair[1] & 15) << 8 | pair[2];
      return Clip(value);
    }
    case NumberType::kUint16:
      return Clip(ReadUint(row + x * 2, 2, big));
    case NumberType::kInt16:
      return Clip<int>(static_cast<int16_t>(ReadUint(row + x * 2, 2, big)));
    // Pillow holds both in a signed number.
    case NumberType::kInt32:
    case NumberType::kUint32:
      return Clip(static_cast<int32_t>(ReadUint(row + x * 4, 4, big)));
    case NumberType::kFloat32:
      return Clip(std::bit_cast<float>(ReadUint(row + x * 4, 4, big)));
  }
  return 0;
}

void ScaleRow(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb) {
  const int bytes = layout.max_value < 256 ? 1 : 2;
  // Pillow holds gray of more than 8 bits as numbers up to 65535, and cuts them off afterwards.
  const double top = bytes == 2 && layout.channels == 1 ? 65535 : 255;
  for (int64_t x = 0; x < width; ++x, rgb += 3) {
    for (int64_t c = 0; c < layout.channels; ++c, row += bytes) {
      const double value = std::nearbyint(ReadUint(row, bytes, true) / static_cast<double>(layout.max_value) * top);
      rgb[c] = static_cast<uint8_t>(std::min(value, 255.0));
    }
    if (layout.channels == 1) Paint(rgb, rgb[0]);
  }
}

void IndexRow(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb) {
  const uint8_t* const table = layout.table.data();
  for (int64_t x = 0; x < width; ++x, rgb += 3) {
    int index;
    if (layout.bits == 8) {
      index = row[x * layout.stride];
    } else {
      const int64_t bit = x * layout.bits;
      index = row[bit / 8] >> (8 - layout.bits - bit % 8) & ((1 << layout.bits) - 1);
    }
    std::memcpy(rgb, table + index * 3, 3);
  }
}

void PickRow(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb) {
  const auto [r, g, b, a] = layout.offsets;
  const int64_t stride = layout.stride;
  for (int64_t x = 0; x < width; ++x, rgb += 3, row += stride) {
    rgb[0] = row[r];
    rgb[1] = row[g];
    rgb[2] = row[b];
  }
}

// No color profile: each ink is multiplied with what the black leaves.
void CmykRow(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb) {
  for (int64_t x = 0; x < width; ++x, rgb += 3, row += layout.stride) {
    const auto light = static_cast<uint8_t>(255 - row[layout.offsets[3]]);
    for (size_t ink = 0; ink < 3; ++ink)
      rgb[ink] = static_cast<uint8_t>(light - Multiply(row[layout.offsets[ink]], light));
  }
}

void AssociatedRow(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb) {
  for (int64_t x = 0; x < width; ++x, rgb += 3, row += layout.stride) {
    for (size_t c = 0; c < 3; ++c) rgb[c] = Divide(row[layout.offsets[c]], row[layout.offsets[3]]);
  }
}

void PackedRow(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb) {
  const int green_bits = layout.kind == PixelKind::kRgb565 ? 6 : 5;
  const int green_max = (1 << green_bits) - 1;
  for (int64_t x = 0; x < width; ++x, rgb += 3) {
    const int pixel = static_cast<int>(ReadUint(row + x * 2, 2, false));
    rgb[0] = static_cast<uint8_t>((pixel >> (5 + green_bits) & 31) * 255 / 31);
    rgb[1] = static_cast<uint8_t>((pixel >> 5 & green_max) * 255 / green_max);
    rgb[2] = static_cast<uint8_t>((pixel & 31) * 255 / 31);
  }
}

int64_t BitsOf(NumberType type) {
  switch (type) {
    case NumberType::kUint8:
      return 8;
    case NumberType::kUint12:
      return 12;
    case NumberType::kUint16:
    case NumberType::kInt16:
      return 16;
    default:
      return 32;
  }
}

}  // namespace

FileBytes FileBytes::Part(int64_t offset, int64_t length) const {
  if (offset < 0 || offset >= size || length <= 0) return {data, 0};
  return {data + offset, std::min(length, size - offset)};
}

const char* LayoutFault(const Layout& layout) {
  const auto& [kind, bits, stride, offsets, table, type, big_endian, channels, max_value] = layout;
  if (stride < 1 || stride > 64) return "a pixel of 1 to 64 bytes";
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8) return "1, 2, 4 or 8 bits";
  if (std::any_of(offsets.begin(), offsets.end(), [](int64_t offset) { return offset < 0; }))
    return "offsets of 0 and up";
  // Only inks and alpha read a fourth value.
  const size_t used = kind == PixelKind::kCmyk || kind == PixelKind::kAssociated ? 4 : kind == PixelKind::kPick ? 3 : 0;
  if (std::any_of(offsets.begin(), offsets.begin() + used, [&](int64_t offset) { return offset >= stride; })) {
    return "offsets within a pixel";
  }
  if (kind == PixelKind::kIndex && table.size() != 768) return "a table of 768 bytes";
  if (max_value < 1 || max_value > 65535) return "a maximum of 1 to 65535";
  if (channels != 1 && channels != 3) return "1 or 3 channels";
  return nullptr;
}

int64_t RowBytes(const Layout& layout, int64_t width) {
  switch (layout.kind) {
    case PixelKind::kIndex:
      return layout.bits == 8 ? width * layout.stride : (width * layout.bits + 7) / 8;
    case PixelKind::kClip:
      return (width * BitsOf(layout.type) + 7) / 8;
    case PixelKind::kScale:
      return width * layout.channels * (layout.max_value < 256 ? 1 : 2);
    case PixelKind::kRgb555:
    case PixelKind::kRgb565:
      return width * 2;
    default:
      return width * layout.stride;
  }
}

void RowToRgb(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb) {
  switch (layout.kind) {
    case PixelKind::kIndex:
      return IndexRow(layout, row, width, rgb);
    case PixelKind::kPick:
      return PickRow(layout, row, width, rgb);
    case PixelKind::kCmyk:
      return CmykRow(layout, row, width, rgb);
    case PixelKind::kAssociated:
      return AssociatedRow(layout, row, width, rgb);
    case PixelKind::kClip:
      for (int64_t x = 0; x < width; ++x) Paint(rgb + x * 3, ReadClipped(layout, row, x));
      return;
    case PixelKind::kScale:
      return ScaleRow(layout, row, width, rgb);
    case PixelKind::kRgb555:
    case PixelKind::kRgb565:
      return PackedRow(layout, row, width, rgb);
  }
}

}  // namespace napi_torch::image
