// Deflate (RFC 1951) in a zlib stream (RFC 1950), of which no more than the window is held.
#include <array>
#include <cstdint>

#include "unpack.h"

namespace napi_torch::image {
namespace {

constexpr int kMaxBits = 15;
constexpr int kFastBits = 10;
constexpr int kWindow = 32768;

[[noreturn]] void Damaged() { throw DecodeError("Its Deflate data are damaged"); }
[[noreturn]] void Truncated() { throw DecodeError("It is truncated"); }

class BitReader {
 public:
  explicit BitReader(const FileBytes& input) : input_(input) {}

  void Fill() {
    while (count_ <= 48 && at_ < input_.size) {
      bits_ |= static_cast<uint64_t>(input_.data[at_++]) << count_;
      count_ += 8;
    }
  }
  // The next bits, with zeros after the end.
  uint32_t Peek(int count) const { return static_cast<uint32_t>(bits_ & ((uint64_t{1} << count) - 1)); }
  void Drop(int count) {
    if (count > count_) Truncated();
    bits_ >>= count;
    count_ -= count;
  }
  uint32_t Take(int count) {
    Fill();
    const uint32_t value = Peek(count);
    Drop(count);
    return value;
  }
  void AlignToByte() { Drop(count_ % 8); }

 private:
  const FileBytes& input_;
  int64_t at_ = 0;
  uint64_t bits_ = 0;
  int count_ = 0;
};

// A canonical Huffman code: short codes by table, others bit by bit.
class Huffman {
 public:
  void Build(const uint8_t* lengths, int count) {
    counts_.fill(0);
    fast_.fill(0);
    for (int i = 0; i < count; ++i) ++counts_[lengths[i]];
    counts_[0] = 0;
    int left = 1;
    std::array<int, kMaxBits + 2> starts{};
    std::array<int, kMaxBits + 2> codes{};
    for (int bits = 1; bits <= kMaxBits; ++bits) {
      left = left * 2 - counts_[bits];
      if (left < 0) Damaged();
      starts[bits + 1] = starts[bits] + counts_[bits];
      codes[bits + 1] = (codes[bits] + counts_[bits]) * 2;
    }
    for (int i = 0; i < count; ++i) {
      const int bits = lengths[i];
      if (bits == 0) continue;
      symbols_[starts[bits]++] = static_cast<uint16_t>(i);
      const int code = codes[bits]++;
      if (bits > kFastBits) continue;
      int reversed = 0;
      for (int bit = 0; bit < bits; ++bit) reversed |= (code >> bit & 1) << (bits - 1 - bit);
      for (int entry = reversed; entry < 1 << kFastBits; entry += 1 << bits) {
        fast_[entry] = static_cast<uint16_t>(i << 4 | bits);
      }
    }
  }

  int Read(BitReader& reader) const {
    reader.Fill();
    const uint32_t bits = reader.Peek(kMaxBits);
    const uint16_t entry = fast_[bits & ((1 << kFastBits) - 1)];
    if (entry != 0) {
      reader.Drop(entry & 15);
      return entry >> 4;
    }
    int code = 0;
    int first = 0;
    int index = 0;
    for (int length = 1; length <= kMaxBits; ++length) {
      code |= bits >> (length - 1) & 1;
      if (code - first < counts_[length]) {
        reader.Drop(length);
        return symbols_[index + code - first];
      }
      index += counts_[length];
      first = (first + counts_[length]) * 2;
      code *= 2;
    }
    Damaged();
  }

 private:
  std::array<int, kMaxBits + 1> counts_{};
  std::array<uint16_t, 288> symbols_{};
  std::array<uint16_t, 1 << kFastBits> fast_{};  // Symbol and length; 0 where the code is longer.
};

// The last bytes that were written, and the way on.
class Window {
 public:
  explicit Window(RowSink& sink) : sink_(sink) {}
  ~Window() = default;
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  void Put(uint8_t byte) {
    bytes_[used_++] = byte;
    ++total_;
    if (used_ == kWindow) Flush();
  }
  void Copy(int distance, int length) {
    if (distance > total_) Damaged();
    for (; length > 0; --length) Put(bytes_[(used_ - distance) & (kWindow - 1)]);
  }
  void Flush() {
    sink_.Write(bytes_.data() + flushed_, used_ - flushed_);
    flushed_ = used_ = used_ % kWindow;
  }
  // Enough for all rows, counting what is not passed on yet.
  bool IsFull() const { return sink_.IsFull(); }

 private:
  RowSink& sink_;
  std::array<uint8_t, kWindow> bytes_{};
  int used_ = 0;
  int flushed_ = 0;
  int64_t total_ = 0;
};

constexpr std::array<uint16_t, 29> kLengths = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                               31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<uint8_t, 29> kLengthBits = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<uint16_t, 30> kDistances = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                                 33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                                 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr std::array<uint8_t, 30> kDistanceBits = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                                   6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

struct Codes {
  Huffman literals;
  Huffman distances;
};

void BuildFixed(Codes& codes) {
  std::array<uint8_t, 288> lengths;
  for (int i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  codes.literals.Build(lengths.data(), 288);
  lengths.fill(5);
  codes.distances.Build(lengths.data(), 30);
}

void BuildDynamic(BitReader& reader, Codes& codes) {
  constexpr std::array<uint8_t, 19> kOrder = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  const int literal_count = static_cast<int>(reader.Take(5)) + 257;
  const int distance_count = static_cast<int>(reader.Take(5)) + 1;
  const int length_count = static_cast<int>(reader.Take(4)) + 4;
  if (literal_count > 286 || distance_count > 30) Damaged();
  std::array<uint8_t, 320> lengths{};
  for (int i = 0; i < length_count; ++i) lengths[kOrder[i]] = static_cast<uint8_t>(reader.Take(3));
  Huffman meta;
  meta.Build(lengths.data(), 19);
  lengths.fill(0);
  const int count = literal_count + distance_count;
  for (int i = 0; i < count;) {
    const int symbol = meta.Read(reader);
    if (symbol < 16) {
      lengths[i++] = static_cast<uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && i == 0) Damaged();
    const uint8_t value = symbol == 16 ? lengths[i - 1] : 0;
    int times = symbol == 16   ? 3 + static_cast<int>(reader.Take(2))
                : symbol == 17 ? 3 + static_cast<int>(reader.Take(3))
                               : 11 + static_cast<int>(reader.Take(7));
    if (i + times > count) Damaged();
    for (; times > 0; --times) lengths[i++] = value;
  }
  codes.literals.Build(lengths.data(), literal_count);
  codes.distances.Build(lengths.data() + literal_count, distance_count);
}

void InflateBlock(BitReader& reader, const Codes& codes, Window& window) {
  while (!window.IsFull()) {
    const int symbol = codes.literals.Read(reader);
    if (symbol < 256) {
      window.Put(static_cast<uint8_t>(symbol));
      continue;
    }
    if (symbol == 256) return;
    if (symbol > 285) Damaged();
    const int length = kLengths[symbol - 257] + static_cast<int>(reader.Take(kLengthBits[symbol - 257]));
    const int code = codes.distances.Read(reader);
    if (code > 29) Damaged();
    window.Copy(kDistances[code] + static_cast<int>(reader.Take(kDistanceBits[code])), length);
  }
}

void CopyStored(BitReader& reader, Window& window) {
  reader.AlignToByte();
  uint32_t length = reader.Take(16);
  if ((reader.Take(16) ^ 0xffff) != length) Damaged();
  for (; length > 0 && !window.IsFull(); --length) window.Put(static_cast<uint8_t>(reader.Take(8)));
}

}  // namespace

void UnpackDeflate(const FileBytes& input, RowSink& sink) {
  BitReader reader(input);
  const uint32_t method = reader.Take(8);
  const uint32_t flags = reader.Take(8);
  if ((method & 15) != 8 || (method << 8 | flags) % 31 != 0 || (flags & 32) != 0) Damaged();
  Window window(sink);
  Codes codes;
  try {
    for (bool last = false; !last && !window.IsFull();) {
      last = reader.Take(1) == 1;
      const uint32_t type = reader.Take(2);
      if (type == 3) Damaged();
      if (type == 0) {
        CopyStored(reader, window);
        continue;
      }
      if (type == 1) {
        BuildFixed(codes);
      } else {
        BuildDynamic(reader, codes);
      }
      InflateBlock(reader, codes, window);
    }
  } catch (const DecodeError&) {
    // All rows may stand before the damage: what follows them is not read by others either.
    window.Flush();
    if (!sink.IsFull()) throw;
  }
  window.Flush();
  if (!sink.IsFull()) Truncated();
}

}  // namespace napi_torch::image
