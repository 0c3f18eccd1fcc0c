#include <algorithm>
#include <cstring>

#include "formats.h"
#include "unpack.h"

namespace napi_torch::image {
namespace {

uint8_t Reverse(uint8_t byte) {
  byte = static_cast<uint8_t>((byte & 0xf0) >> 4 | (byte & 0x0f) << 4);
  byte = static_cast<uint8_t>((byte & 0xcc) >> 2 | (byte & 0x33) << 2);
  return static_cast<uint8_t>((byte & 0xaa) >> 1 | (byte & 0x55) << 1);
}

// Adds up the differences of predictor 2, which wrap around.
void UndoDifferences(const TiffBlocks& blocks, uint8_t* row, int64_t count) {
  const int64_t bytes = blocks.predictor_bytes;
  for (int64_t i = blocks.samples; i < count; ++i) {
    uint8_t* const number = row + i * bytes;
    const uint8_t* const before = number - blocks.samples * bytes;
    int carry = 0;
    for (int64_t k = 0; k < bytes; ++k) {
      const int64_t byte = blocks.big_endian ? bytes - 1 - k : k;
      const int sum = number[byte] + before[byte] + carry;
      number[byte] = static_cast<uint8_t>(sum);
      carry = sum >> 8;
    }
  }
}

// Puts a row of one color into the pixels. Inks and colors that were multiplied wait there for the last plane.
void MergePlane(const Layout& layout, int64_t plane, const uint8_t* row, int64_t width, uint8_t* rgb) {
  const uint8_t* sample = row + layout.offsets[0];
  for (int64_t x = 0; x < width; ++x, rgb += 3, sample += layout.stride) {
    if (plane < 3) {
      rgb[plane] = *sample;
    } else if (plane == 3 && layout.kind == PixelKind::kCmyk) {
      const auto light = static_cast<uint8_t>(255 - *sample);
      for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(light - Multiply(rgb[c], light));
    } else if (plane == 3 && layout.kind == PixelKind::kAssociated) {
      const uint8_t alpha = *sample;
      for (int c = 0; c < 3; ++c) rgb[c] = Divide(rgb[c], alpha);
    }
  }
}

// Bytes of a row of a block.
int64_t BlockRowBytes(const TiffBlocks& blocks) {
  if (blocks.planes > 1) return blocks.block.width * blocks.layout.stride;
  return RowBytes(blocks.layout, blocks.block.width);
}

void Unpack(const TiffBlocks& blocks, const FileBytes& input, RowSink& sink) {
  switch (blocks.compression) {
    case Compression::kNone:
      return UnpackStored(input, sink);
    case Compression::kPackBits:
      return UnpackBits(input, sink);
    case Compression::kLzw:
      return UnpackLzw(input, sink);
    case Compression::kDeflate:
      return UnpackDeflate(input, sink);
  }
}

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A block of pixels, and the part of it that lies inside the image.
struct BlockArea {
  int64_t plane;
  int64_t left;
  int64_t top;
  int64_t columns;
  int64_t rows;
};

// Unpacks all blocks and calls `put(area, row, y)` for each of their rows, whose bytes it may change.
template <typename Put>
void UnpackBlocks(const FileBytes& file, const Size& size, const TiffBlocks& blocks, const Put& put) {
  const int64_t across = CeilDivide(size.width, blocks.block.width);
  const int64_t down = CeilDivide(size.height, blocks.block.height);
  const int64_t row_bytes = BlockRowBytes(blocks);
  const bool compressed = blocks.compression != Compression::kNone;
  std::vector<uint8_t> turned;

  for (size_t index = 0; index < blocks.offsets.size(); ++index) {
    BlockArea area{};
    area.plane = static_cast<int64_t>(index) / (across * down);
    area.left = static_cast<int64_t>(index) % across * blocks.block.width;
    area.top = static_cast<int64_t>(index) / across % down * blocks.block.height;
    area.columns = std::min(blocks.block.width, size.width - area.left);
    area.rows = std::min(blocks.block.height, size.height - area.top);
    // All of a tile is stored, but Pillow reads no more than it needs of what is not compressed.
    const int64_t rows = blocks.tiled && compressed ? blocks.block.height : area.rows;

    RowSink sink(row_bytes, rows, [&](uint8_t* row, int64_t y) { put(area, row, y); });
    FileBytes input = file.Part(blocks.offsets[index], compressed ? blocks.counts[index] : row_bytes * rows);
    if (blocks.reversed_bits) {
      turned.resize(static_cast<size_t>(input.size));
      std::transform(input.data, input.data + input.size, turned.begin(), Reverse);
      input = {turned.data(), input.size};
    }
    Unpack(blocks, input, sink);
  }
}

// Bytes of pixels above which a file is unpacked once before the first pixel is written: the memory of an image is
// taken page by page as it is written, so that a damaged file takes none of it.
constexpr int64_t kTrialBytes = int64_t{64} << 20;

}  // namespace

const char* TiffFault(const Size& size, const TiffBlocks& blocks) {
  constexpr int64_t kMaxBlock = int64_t{1} << 24;
  const auto& block = blocks.block;
  if (block.height < 1 || block.width < 1 || block.height > kMaxBlock || block.width > kMaxBlock)
    return "blocks of pixels";
  if (!blocks.tiled && block.width != size.width) return "strips that are as wide as the image";
  if (blocks.planes < 1 || blocks.planes > 16) return "1 to 16 planes";
  if (blocks.samples < 1 || blocks.samples > 64) return "1 to 64 samples";
  if (blocks.predictor_bytes < 0 || blocks.predictor_bytes > 4) return "a predictor of 0 to 4 bytes";
  const bool picks = blocks.layout.kind == PixelKind::kPick || blocks.layout.kind == PixelKind::kCmyk ||
                     blocks.layout.kind == PixelKind::kAssociated;
  if (blocks.planes > 1 && (!picks || blocks.samples != 1)) return "a byte of each color in several planes";
  const int64_t count = CeilDivide(size.width, block.width) * CeilDivide(size.height, block.height) * blocks.planes;
  if (static_cast<int64_t>(blocks.offsets.size()) != count) return "an offset for each block";
  if (static_cast<int64_t>(blocks.counts.size()) != count) return "a count of bytes for each block";
  return nullptr;
}

void DecodeTiff(const FileBytes& file, const Size& size, const TiffBlocks& blocks, uint8_t* rgb) {
  if (blocks.compression != Compression::kNone && size.height * size.width * 3 > kTrialBytes) {
    UnpackBlocks(file, size, blocks, [](const BlockArea&, uint8_t*, int64_t) {});
  }
  const int64_t row_bytes = BlockRowBytes(blocks);
  const int64_t numbers = blocks.predictor_bytes > 0 ? row_bytes / blocks.predictor_bytes : 0;
  UnpackBlocks(file, size, blocks, [&](const BlockArea& area, uint8_t* row, int64_t y) {
    if (y >= area.rows) return;
    if (numbers > 0) UndoDifferences(blocks, row, numbers);
    uint8_t* const target = rgb + ((area.top + y) * size.width + area.left) * 3;
    if (blocks.planes > 1) {
      MergePlane(blocks.layout, area.plane, row, area.columns, target);
    } else {
      RowToRgb(blocks.layout, row, area.columns, target);
    }
  });
}

}  // namespace napi_torch::image
