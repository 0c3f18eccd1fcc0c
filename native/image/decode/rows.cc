#include <algorithm>
#include <cstring>

#include "formats.h"

namespace napi_torch::image {

void DecodeRows(const FileBytes& file, const Size& size, const Rows& rows, uint8_t* rgb) {
  const int64_t bytes = RowBytes(rows.layout, size.width);
  for (int64_t y = 0; y < size.height; ++y) {
    const FileBytes row = file.Part(rows.offset + y * rows.step, bytes);
    if (row.size < bytes) throw DecodeError("It is truncated");
    const int64_t target = rows.bottom_up ? size.height - 1 - y : y;
    RowToRgb(rows.layout, row.data, size.width, rgb + target * size.width * 3);
  }
}

void DecodeBmpRuns(const FileBytes& file, const Size& size, const BmpRuns& runs, uint8_t* rgb) {
  const int64_t width = size.width;
  const int64_t pixels = width * size.height;
  int64_t done = 0;
  int64_t x = 0;
  int64_t at = runs.offset;
  const auto put = [&](int index) {
    if (done >= pixels) return;
    const int64_t y = runs.bottom_up ? size.height - 1 - done / width : done / width;
    std::memcpy(rgb + (y * width + done % width) * 3, runs.table.data() + index * 3, 3);
    ++done;
  };
  const auto skip = [&](int64_t count) {
    for (int64_t end = std::min(done + count, pixels); done < end;) put(0);
  };

  while (done < pixels) {
    const FileBytes pair = file.Part(at, 2);
    if (pair.size < 2) break;
    const int count = pair.data[0];
    const int value = pair.data[1];
    at += 2;
    if (count > 0) {
      const int64_t fitting = std::clamp<int64_t>(width - x, 0, count);
      for (int64_t i = 0; i < fitting; ++i) put(!runs.half_bytes ? value : i % 2 == 0 ? value >> 4 : value & 15);
      x += fitting;
    } else if (value == 0) {
      if (done % width != 0) skip(width - done % width);
      x = 0;
    } else if (value == 1) {
      break;
    } else if (value == 2) {
      const FileBytes delta = file.Part(at, 2);
      if (delta.size < 2) break;
      at += 2;
      skip(delta.data[0] + delta.data[1] * width);
      x = done % width;
    } else {
      // Pillow rounds down where an odd count of half bytes follows, and so reads one less.
      const int64_t length = runs.half_bytes ? value / 2 : value;
      const FileBytes literal = file.Part(at, length);
      for (int64_t i = 0; i < literal.size; ++i) {
        if (runs.half_bytes) put(literal.data[i] >> 4);
        put(runs.half_bytes ? literal.data[i] & 15 : literal.data[i]);
      }
      if (literal.size < length) break;
      x += value;
      at += length;
      at += at % 2;
    }
  }
  if (done < pixels) throw DecodeError("It is truncated");
}

void Orient(const uint8_t* source, const Size& size, int64_t orientation, uint8_t* rgb) {
  const bool swaps = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int64_t height = swaps ? size.width : size.height;
  const int64_t width = swaps ? size.height : size.width;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x, rgb += 3) {
      const int64_t row = swaps ? x : y;
      const int64_t column = swaps ? y : x;
      const int64_t from_y = from_bottom ? size.height - 1 - row : row;
      const int64_t from_x = from_right ? size.width - 1 - column : column;
      std::memcpy(rgb, source + (from_y * size.width + from_x) * 3, 3);
    }
  }
}

}  // namespace napi_torch::image
