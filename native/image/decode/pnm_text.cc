#include <algorithm>
#include <cmath>

#include "formats.h"

namespace napi_torch::image {
namespace {

bool IsSpace(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

// The characters of a file without its comments, which may stand inside a number.
class Characters {
 public:
  Characters(const FileBytes& file, int64_t at) : file_(file), at_(at) {}

  // -1 at the end.
  int Next() {
    while (at_ < file_.size) {
      const uint8_t byte = file_.data[at_++];
      if (byte != '#') return byte;
      while (at_ < file_.size) {
        const uint8_t skipped = file_.data[at_++];
        if (skipped == '\n' || skipped == '\r') break;
      }
    }
    return -1;
  }

  int64_t at() const { return at_; }

 private:
  const FileBytes& file_;
  int64_t at_;
};

// The next number, or -1 at the end.
int64_t NextNumber(Characters& characters) {
  int character = characters.Next();
  while (character >= 0 && IsSpace(static_cast<uint8_t>(character))) character = characters.Next();
  if (character < 0) return -1;
  int64_t number = 0;
  for (int digits = 0; character >= 0 && !IsSpace(static_cast<uint8_t>(character)); character = characters.Next()) {
    if (character < '0' || character > '9') throw DecodeError("It has other characters than digits in its pixels");
    if (++digits > 10) throw DecodeError("It has a number of more than 10 digits in its pixels");
    number = number * 10 + (character - '0');
  }
  return number;
}

void DecodeBitmap(const FileBytes& file, int64_t offset, int64_t pixels, uint8_t* rgb) {
  constexpr int64_t kBlock = 1024 * 1024;  // Pillow checks whole blocks of this size.
  Characters characters(file, offset);
  int64_t done = 0;
  int64_t end = file.size;
  while (characters.at() < end) {
    const int character = characters.Next();
    if (character < 0) break;
    if (IsSpace(static_cast<uint8_t>(character))) continue;
    if (character != '0' && character != '1') throw DecodeError("It has other characters than 0 and 1 in its pixels");
    if (done == pixels) continue;
    for (int c = 0; c < 3; ++c) *rgb++ = character == '0' ? 255 : 0;
    if (++done == pixels) end = std::min(file.size, offset + (characters.at() - offset + kBlock - 1) / kBlock * kBlock);
  }
  if (done < pixels) throw DecodeError("It is truncated");
}

}  // namespace

void DecodePnmText(const FileBytes& file, const Size& size, const PnmText& text, uint8_t* rgb) {
  const int64_t pixels = size.height * size.width;
  if (text.max_value == 0) return DecodeBitmap(file, text.offset, pixels, rgb);

  Characters characters(file, text.offset);
  const auto max = static_cast<double>(text.max_value);
  // Pillow holds gray of more than 8 bits as numbers up to 65535, and cuts them off afterwards.
  const double top = text.channels == 1 && text.max_value > 255 ? 65535 : 255;
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t c = 0; c < text.channels; ++c) {
      const int64_t number = NextNumber(characters);
      if (number < 0) throw DecodeError("It is truncated");
      if (number > text.max_value) throw DecodeError("It has a pixel above its maximum");
      const auto byte = static_cast<uint8_t>(std::min(std::nearbyint(static_cast<double>(number) / max * top), 255.0));
      *rgb++ = byte;
      if (text.channels == 1) {
        *rgb++ = byte;
        *rgb++ = byte;
      }
    }
  }
}

}  // namespace napi_torch::image
