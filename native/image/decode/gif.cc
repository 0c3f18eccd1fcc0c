#include <array>
#include <cstring>

#include "formats.h"

namespace napi_torch::image {
namespace {

constexpr int kMaxCodeBits = 12;
constexpr int kTableSize = 1 << kMaxCodeBits;

[[noreturn]] void Damaged() { throw DecodeError("Its LZW data are damaged"); }

// The codes in the blocks of a frame.
class CodeReader {
 public:
  CodeReader(const FileBytes& file, int64_t at) : file_(file), at_(at) {}

  int Next(int width) {
    while (count_ < width) {
      if (left_ == 0) {
        left_ = NextByte();
        // Pillow, too, reads a block only if all of it is there.
        if (at_ + left_ > file_.size) throw DecodeError("It is truncated");
        continue;
      }
      bits_ |= static_cast<uint32_t>(NextByte()) << count_;
      count_ += 8;
      --left_;
    }
    const int code = static_cast<int>(bits_ & ((1u << width) - 1));
    bits_ >>= width;
    count_ -= width;
    return code;
  }

 private:
  uint8_t NextByte() {
    if (at_ >= file_.size) throw DecodeError("It is truncated");
    return file_.data[at_++];
  }

  const FileBytes& file_;
  int64_t at_;
  int left_ = 0;  // Bytes of the block.
  uint32_t bits_ = 0;
  int count_ = 0;
};

// Takes the pixels of a frame in the order of the file.
class FrameWriter {
 public:
  FrameWriter(const Size& size, const GifFrame& frame, uint8_t* rgb)
      : frame_(frame), stride_(size.width * 3), rgb_(rgb + frame.top * stride_ + frame.left * 3) {}

  bool IsFull() const { return y_ >= frame_.size.height; }
  void Put(uint8_t index) {
    std::memcpy(rgb_ + y_ * stride_ + x_ * 3, frame_.table.data() + index * 3, 3);
    if (++x_ < frame_.size.width) return;
    x_ = 0;
    NextRow();
  }

 private:
  void NextRow() {
    constexpr std::array<int, 4> kStarts = {0, 4, 2, 1};
    constexpr std::array<int, 4> kSteps = {8, 8, 4, 2};
    if (!frame_.interlaced) {
      ++y_;
      return;
    }
    y_ += kSteps[pass_];
    while (IsFull() && pass_ < 3) y_ = kStarts[++pass_];
  }

  const GifFrame& frame_;
  int64_t stride_;
  uint8_t* rgb_;
  int64_t x_ = 0;
  int64_t y_ = 0;
  size_t pass_ = 0;
};

void DecodeFrame(CodeReader& reader, int code_bits, FrameWriter& writer) {
  const int clear = 1 << code_bits;
  const int end = clear + 1;
  std::array<uint16_t, kTableSize> prefix{};
  std::array<uint8_t, kTableSize> suffix{};
  std::array<uint8_t, kTableSize + 1> text;
  int next = clear + 2;
  int width = code_bits + 1;
  int previous = -1;
  uint8_t first = 0;

  while (!writer.IsFull()) {
    const int code = reader.Next(width);
    if (code == clear) {
      next = clear + 2;
      width = code_bits + 1;
      previous = -1;
      continue;
    }
    if (code == end) throw DecodeError("It is truncated");
    if (previous < 0) {
      if (code > clear) Damaged();
      first = static_cast<uint8_t>(code);
      writer.Put(first);
      previous = code;
      continue;
    }
    if (code > next) Damaged();
    int position = static_cast<int>(text.size());
    int entry = code;
    // The string that is being defined repeats the previous one, and ends in its first byte.
    if (code == next) {
      text[--position] = first;
      entry = previous;
    }
    for (; entry >= clear; entry = prefix[entry]) {
      if (position == 0 || entry >= kTableSize) Damaged();
      text[--position] = suffix[entry];
    }
    if (position == 0) Damaged();
    first = static_cast<uint8_t>(entry);
    text[--position] = first;
    for (; position < static_cast<int>(text.size()) && !writer.IsFull(); ++position) writer.Put(text[position]);
    if (next < kTableSize) {
      prefix[next] = static_cast<uint16_t>(previous);
      suffix[next] = first;
      if (next == (1 << width) - 1 && width < kMaxCodeBits) ++width;
      ++next;
    }
    previous = code;
  }
}

}  // namespace

void DecodeGif(const FileBytes& file, const Size& size, const GifFrame& frame, uint8_t* rgb) {
  const uint8_t* const color = frame.table.data() + frame.background * 3;
  const int64_t pixels = size.height * size.width;
  if (frame.size.height < size.height || frame.size.width < size.width) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) std::memcpy(rgb + pixel * 3, color, 3);
  }
  CodeReader reader(file, frame.offset);
  FrameWriter writer(size, frame, rgb);
  DecodeFrame(reader, static_cast<int>(frame.code_bits), writer);
}

}  // namespace napi_torch::image
