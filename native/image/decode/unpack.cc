#include "unpack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace napi_torch::image {
namespace {

void CheckFull(const RowSink& sink) {
  if (!sink.IsFull()) throw DecodeError("It is truncated");
}

}  // namespace

RowSink::RowSink(int64_t row_bytes, int64_t rows, std::function<void(uint8_t*, int64_t)> on_row)
    : row_(static_cast<size_t>(row_bytes)), rows_(rows), on_row_(std::move(on_row)) {}

bool RowSink::Write(const uint8_t* bytes, int64_t count) {
  const auto size = static_cast<int64_t>(row_.size());
  while (count > 0 && !IsFull()) {
    const int64_t step = std::min(count, size - used_);
    std::memcpy(row_.data() + used_, bytes, static_cast<size_t>(step));
    bytes += step;
    count -= step;
    used_ += step;
    if (used_ == size) {
      on_row_(row_.data(), index_++);
      used_ = 0;
    }
  }
  return !IsFull();
}

void UnpackStored(const FileBytes& input, RowSink& sink) {
  sink.Write(input.data, input.size);
  CheckFull(sink);
}

void UnpackBits(const FileBytes& input, RowSink& sink) {
  std::array<uint8_t, 128> run;
  for (int64_t at = 0; at < input.size && !sink.IsFull();) {
    const int code = static_cast<int8_t>(input.data[at++]);
    if (code == -128) continue;
    if (code >= 0) {
      const int64_t count = std::min<int64_t>(code + 1, input.size - at);
      sink.Write(input.data + at, count);
      at += count;
    } else if (at < input.size) {
      run.fill(input.data[at++]);
      sink.Write(run.data(), 1 - code);
    }
  }
  CheckFull(sink);
}

void UnpackLzw(const FileBytes& input, RowSink& sink) {
  constexpr int kClear = 256;
  constexpr int kEnd = 257;
  constexpr int kFirst = 258;
  constexpr int kSize = 4096;
  std::array<uint16_t, kSize> prefix{};
  std::array<uint8_t, kSize> suffix{};
  std::array<uint8_t, kSize> text;  // A string is as long as the table has entries at most.
  int next = kFirst;
  int width = 9;
  int previous = -1;
  uint8_t first = 0;
  uint64_t bits = 0;
  int bit_count = 0;
  int64_t at = 0;

  while (!sink.IsFull()) {
    while (bit_count < width && at < input.size) {
      bits = bits << 8 | input.data[at++];
      bit_count += 8;
    }
    if (bit_count < width) break;
    bit_count -= width;
    const int code = static_cast<int>(bits >> bit_count & ((1u << width) - 1));
    if (code == kEnd) break;
    if (code == kClear) {
      next = kFirst;
      width = 9;
      previous = -1;
      continue;
    }
    if (code > next || (code >= kFirst && previous < 0) || (code == next && next >= kSize)) {
      throw DecodeError("Its LZW data are damaged");
    }
    // The string that is being defined repeats the previous one, and ends in its first byte.
    int position = kSize;
    int entry = code;
    if (code == next) {
      text[--position] = first;
      entry = previous;
    }
    for (; entry >= kFirst; entry = prefix[entry]) text[--position] = suffix[entry];
    first = static_cast<uint8_t>(entry);
    text[--position] = first;
    sink.Write(text.data() + position, kSize - position);
    if (previous >= 0 && next < kSize) {
      prefix[next] = static_cast<uint16_t>(previous);
      suffix[next] = first;
      ++next;
    }
    previous = code;
    // One code earlier than the table needs it: the error of the first writers became the format.
    if (next + 1 >= 1 << width && width < 12) ++width;
  }
  CheckFull(sink);
}

}  // namespace napi_torch::image
