// Pixels as a file stores them, and what Pillow's convert('RGB') makes of them. Plain C++: knows neither Node nor
// libtorch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace napi_torch::image {

// The file is damaged. The text ends a sentence that names the file.
class DecodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Bytes of a file. JavaScript may write to them at any time: a value that is checked is read once.
struct FileBytes {
  const uint8_t* data = nullptr;
  int64_t size = 0;

  // The part from `offset` on, of at most `length` bytes; empty outside the file.
  FileBytes Part(int64_t offset, int64_t length) const;
};

enum class PixelKind {
  kIndex,       // An index of `bits` bits into `table`: palettes and gray.
  kPick,        // A byte for each color, at `offsets` in a pixel of `stride` bytes.
  kCmyk,        // Inks, as kPick.
  kAssociated,  // Colors that were multiplied with the alpha value, as kPick.
  kClip,        // A number, of which what is outside of 0 to 255 is cut off.
  kScale,       // `channels` integers from 0 to `max_value`.
  kRgb555,
  kRgb565,
};

enum class NumberType { kUint8, kUint12, kUint16, kInt16, kInt32, kUint32, kFloat32 };

struct Layout {
  PixelKind kind = PixelKind::kPick;
  int64_t bits = 8;
  int64_t stride = 1;
  std::array<int64_t, 4> offsets = {0, 1, 2, 3};  // Red, green, blue, alpha; or the inks.
  std::vector<uint8_t> table;                     // 256 × 3 bytes.
  NumberType type = NumberType::kUint8;
  bool big_endian = false;
  int64_t channels = 1;
  int64_t max_value = 255;
};

// Tells in words what is wrong with a layout, or gives nullptr.
const char* LayoutFault(const Layout& layout);

// Bytes of a row of `width` pixels.
int64_t RowBytes(const Layout& layout, int64_t width);

// Converts a row of `width` pixels. Takes a layout for which LayoutFault gives nullptr, and RowBytes bytes.
void RowToRgb(const Layout& layout, const uint8_t* row, int64_t width, uint8_t* rgb);

// `a * b / 255`, rounded.
inline uint8_t Multiply(uint8_t a, uint8_t b) {
  const int product = a * b + 128;
  return static_cast<uint8_t>(((product >> 8) + product) >> 8);
}

// A color that was multiplied with `alpha`.
inline uint8_t Divide(uint8_t color, uint8_t alpha) {
  if (alpha == 0 || alpha == 255) return alpha == 0 ? 0 : color;
  const int quotient = color * 255 / alpha;
  return static_cast<uint8_t>(quotient > 255 ? 255 : quotient);
}

}  // namespace napi_torch::image
