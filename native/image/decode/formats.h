// Decoders of the formats that sharp lacks or reads otherwise than Pillow. lib/vision/decode reads the headers; each
// decoder trusts no byte of the file, fills `rgb` (height × width × 3 bytes), and throws DecodeError for a damaged
// file. Plain C++: knows neither Node nor libtorch.
#pragma once

#include <cstdint>
#include <vector>

#include "layout.h"

namespace napi_torch::image {

struct Size {
  int64_t height = 0;
  int64_t width = 0;
};

// Rows one after the other, as in BMP and binary PNM files.
struct Rows {
  int64_t offset = 0;
  int64_t step = 0;  // Bytes from the start of a row to that of the next.
  bool bottom_up = false;
  Layout layout;
};
void DecodeRows(const FileBytes& file, const Size& size, const Rows& rows, uint8_t* rgb);

enum class Compression { kNone, kPackBits, kLzw, kDeflate };

// A TIFF file of strips, which are as wide as the image, or tiles.
struct TiffBlocks {
  Size block;
  bool tiled = false;
  Compression compression = Compression::kNone;
  int64_t predictor_bytes = 0;  // Of the numbers of which differences are stored; 0 for none.
  int64_t samples = 1;          // Of a pixel in a block.
  int64_t planes = 1;           // More than 1: each color lies in blocks of its own.
  bool reversed_bits = false;
  bool big_endian = false;
  Layout layout;  // Of a pixel; with several planes of a color, whose byte is the first of the offsets.
  std::vector<int64_t> offsets;
  std::vector<int64_t> counts;
};
// Tells in words what is wrong with the arguments of DecodeTiff, or gives nullptr.
const char* TiffFault(const Size& size, const TiffBlocks& blocks);
void DecodeTiff(const FileBytes& file, const Size& size, const TiffBlocks& blocks, uint8_t* rgb);

// The first frame of a GIF file, which lies inside the image.
struct GifFrame {
  int64_t offset = 0;  // Of the first block of data.
  int64_t code_bits = 8;
  int64_t left = 0;
  int64_t top = 0;
  Size size;
  bool interlaced = false;
  int64_t background = 0;  // The index of what the frame does not cover.
  std::vector<uint8_t> table;
};
void DecodeGif(const FileBytes& file, const Size& size, const GifFrame& frame, uint8_t* rgb);

struct BmpRuns {
  int64_t offset = 0;
  bool half_bytes = false;  // RLE4.
  bool bottom_up = true;
  std::vector<uint8_t> table;
};
void DecodeBmpRuns(const FileBytes& file, const Size& size, const BmpRuns& runs, uint8_t* rgb);

struct PnmText {
  int64_t offset = 0;
  int64_t channels = 1;
  int64_t max_value = 0;  // 0 for a bitmap, whose digits need no space between them.
};
void DecodePnmText(const FileBytes& file, const Size& size, const PnmText& text, uint8_t* rgb);

// Turns and mirrors as `orientation` of EXIF says, 1 to 8; `size` is that of the source.
void Orient(const uint8_t* source, const Size& size, int64_t orientation, uint8_t* rgb);

}  // namespace napi_torch::image
