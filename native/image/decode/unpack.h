// The compressions of TIFF files that need no library. Plain C++: knows neither Node nor libtorch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "layout.h"

namespace napi_torch::image {

// Takes rows of `row_bytes` bytes out of a stream, so that no more than a row is held.
class RowSink {
 public:
  // `on_row` may change the row.
  RowSink(int64_t row_bytes, int64_t rows, std::function<void(uint8_t* row, int64_t index)> on_row);

  // Gives false when all rows are there: what follows is of no interest.
  bool Write(const uint8_t* bytes, int64_t count);
  bool Put(uint8_t byte) { return Write(&byte, 1); }
  bool IsFull() const { return index_ == rows_; }

 private:
  std::vector<uint8_t> row_;
  int64_t rows_;
  int64_t used_ = 0;
  int64_t index_ = 0;
  std::function<void(uint8_t* row, int64_t index)> on_row_;
};

// Each fills `sink`, and throws DecodeError unless `input` holds all of its rows.
void UnpackStored(const FileBytes& input, RowSink& sink);
// Apple's PackBits. TIFF 6.0, section 9.
void UnpackBits(const FileBytes& input, RowSink& sink);
// LZW with the bit order of TIFF 6.0, section 13.
void UnpackLzw(const FileBytes& input, RowSink& sink);
// Deflate in a zlib stream. RFC 1950 and 1951.
void UnpackDeflate(const FileBytes& input, RowSink& sink);

}  // namespace napi_torch::image
