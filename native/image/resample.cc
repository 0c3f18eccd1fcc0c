// A resize is two one-dimensional passes, along the rows and down the columns. Each output pixel is a weighted sum of
// the input pixels in its window; weights are fixed-point and each pass rounds to bytes.
#include "resample.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

namespace napi_torch::image {
namespace {

using Buffer = std::unique_ptr<uint8_t[]>;

Buffer Allocate(int64_t size) { return std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(size)); }

// Lines of bytes that lie `stride` bytes from each other.
struct Lines {
  const uint8_t* first;
  int64_t stride;
  int64_t count;
};

// The pass down the columns, of `length` bytes of each row. The first row is that of the first window.
void WeighColumns(const Lines& rows, int64_t length, const Windows& down, const Kernels& kernels, uint8_t* out) {
  for (const Window& window : down.windows) {
    const uint8_t* const lines = rows.first + (window.first - down.First()) * rows.stride;
    const int32_t* const weights = down.weights.data() + window.offset;
    kernels.weigh({lines, rows.stride, weights, window.count, out, length});
    out += length;
  }
}

// The pass along one row of `Channels` interleaved bytes.
template <int Channels>
void WeighRow(const uint8_t* in, const Windows& across, uint8_t* out) {
  for (const Window& window : across.windows) {
    const int32_t* weight = across.weights.data() + window.offset;
    const uint8_t* pixel = in + (window.first - across.First()) * Channels;
    int32_t sums[Channels];
    std::fill_n(sums, Channels, kHalf);
    for (int64_t k = 0; k < window.count; ++k, pixel += Channels) {
      for (int c = 0; c < Channels; ++c) sums[c] += weight[k] * pixel[c];
    }
    for (int c = 0; c < Channels; ++c) *out++ = static_cast<uint8_t>(std::clamp(sums[c] >> kPrecisionBits, 0, 255));
  }
}

// Rows are transposed so many at a time, a cache line of each column, or fewer where they would not stay in the
// second-level cache.
constexpr int64_t kMinStrip = 16;
constexpr int64_t kMaxStrip = 64;
constexpr int64_t kStripBytes = int64_t{1} << 18;
// Fewer rows than that, or of more bytes, are not transposed: the one does not pay, the other takes much memory.
constexpr int64_t kFewRows = 8;
constexpr int64_t kLongRow = int64_t{1} << 18;

// The pass along rows that begin with the first pixel of the first window, some at a time. It is that down the columns
// of the transposed rows: so sums of neighboring pixels lie in one vector, whatever the channels and the windows.
class RowPass {
 public:
  // There will be `count` rows.
  RowPass(int64_t count, int64_t channels, const Windows& across, const Kernels& kernels)
      : channels_(channels),
        across_(across),
        kernels_(kernels),
        in_length_((across.End() - across.First()) * channels),
        out_length_(across.Count() * channels),
        is_transposed_(count >= kFewRows && std::max(in_length_, out_length_) <= kLongRow) {
    if (!is_transposed_) return;
    const int64_t fitting = kStripBytes / std::max(in_length_, out_length_) / kMinStrip * kMinStrip;
    strip_ = std::clamp(fitting, kMinStrip, kMaxStrip);
    in_columns_ = Allocate(in_length_ * strip_);
    out_columns_ = Allocate(out_length_ * strip_);
  }

  // The rows that are best done together.
  int64_t strip() const { return strip_; }
  int64_t out_length() const { return out_length_; }

  void Run(const Lines& rows, uint8_t* out) const {
    for (int64_t y = 0; y < rows.count; y += strip_) {
      const Lines strip{rows.first + y * rows.stride, rows.stride, std::min(strip_, rows.count - y)};
      is_transposed_ ? RunTransposed(strip, out + y * out_length_) : RunRows(strip, out + y * out_length_);
    }
  }

 private:
  void RunRows(const Lines& rows, uint8_t* out) const {
    const auto weigh_row = channels_ == 1 ? WeighRow<1> : channels_ == 3 ? WeighRow<3> : WeighRow<4>;
    for (int64_t y = 0; y < rows.count; ++y) weigh_row(rows.first + y * rows.stride, across_, out + y * out_length_);
  }

  void RunTransposed(const Lines& rows, uint8_t* out) const {
    kernels_.transpose({rows.first, rows.stride, rows.count, in_length_, in_columns_.get(), strip_});
    uint8_t* column = out_columns_.get();
    for (const Window& window : across_.windows) {
      const int32_t* const weights = across_.weights.data() + window.offset;
      for (int64_t c = 0; c < channels_; ++c, column += strip_) {
        const uint8_t* const lines = in_columns_.get() + ((window.first - across_.First()) * channels_ + c) * strip_;
        kernels_.weigh({lines, channels_ * strip_, weights, window.count, column, rows.count});
      }
    }
    kernels_.transpose({out_columns_.get(), strip_, out_length_, rows.count, out, out_length_});
  }

  const int64_t channels_;
  const Windows& across_;
  const Kernels& kernels_;
  const int64_t in_length_;
  const int64_t out_length_;
  const bool is_transposed_;
  int64_t strip_ = kMaxStrip;
  Buffer in_columns_;
  Buffer out_columns_;
};

// The pass along the rows, then that down the columns, which takes the rows of a window as soon as they are there: so
// few lie between the two that they stay in the cache. The first row is that of the first window.
void WeighRowsThenColumns(const Lines& rows, const RowPass& row_pass, const Windows& down, const Kernels& kernels,
                          uint8_t* out) {
  const int64_t length = row_pass.out_length();
  int64_t most = 0;
  for (const Window& window : down.windows) most = std::max(most, window.count);
  const Buffer between = Allocate(std::min(most + row_pass.strip(), rows.count) * length);

  // The rows that lie there.
  int64_t first = down.First();
  int64_t end = down.First();
  for (const Window& window : down.windows) {
    const int64_t window_end = window.first + window.count;
    if (window_end > end) {
      // Windows never move backwards: what is before this one is done with.
      const int64_t kept = std::max<int64_t>(end - window.first, 0);
      std::memmove(between.get(), between.get() + (end - kept - first) * length, static_cast<size_t>(kept * length));
      first = window.first;
      end = first + kept;
      while (end < window_end) {
        const int64_t next = end - down.First();
        const Lines strip{rows.first + next * rows.stride, rows.stride, std::min(row_pass.strip(), rows.count - next)};
        row_pass.Run(strip, between.get() + (end - first) * length);
        end += strip.count;
      }
    }
    const int32_t* const weights = down.weights.data() + window.offset;
    kernels.weigh({between.get() + (window.first - first) * length, length, weights, window.count, out, length});
    out += length;
  }
}

void CopyNearest(const Raster& source, const std::vector<int64_t>& rows, const std::vector<int64_t>& columns,
                 uint8_t* out) {
  const int64_t channels = source.channels;
  for (const int64_t y : rows) {
    for (const int64_t x : columns) {
      if (x < 0 || y < 0) {
        std::fill_n(out, channels, uint8_t{0});
      } else {
        std::copy_n(source.pixels + (y * source.width + x) * channels, channels, out);
      }
      out += channels;
    }
  }
}

void CopyPart(const Raster& source, const Span& rows, const Span& columns, uint8_t* out) {
  const int64_t length = columns.count * source.channels;
  for (int64_t y = rows.first; y < rows.first + rows.count; ++y, out += length) {
    std::copy_n(source.pixels + (y * source.width + columns.first) * source.channels, length, out);
  }
}

bool IsSide(int64_t size) { return size >= 1 && size <= kMaxSide; }

bool IsSpan(float from, float to, int64_t size) { return from >= 0 && from <= to && to <= static_cast<float>(size); }

}  // namespace

const char* ResampleFault(const Raster& source, const Resizing& resizing) {
  const auto [left, top, right, bottom] = resizing.box;
  if (!IsSide(source.height) || !IsSide(source.width)) return "a source of 1 to 16777216 pixels on each side";
  if (!IsSide(resizing.height) || !IsSide(resizing.width)) return "a target of 1 to 16777216 pixels on each side";
  if (source.channels != 1 && source.channels != 3 && source.channels != 4) return "1, 3 or 4 channels";
  const bool is_inside = IsSpan(left, right, source.width) && IsSpan(top, bottom, source.height);
  return is_inside ? nullptr : "a box inside the source";
}

void Resample(const Raster& source, const Resizing& resizing, const Span& rows, const Span& columns,
              const Kernels& kernels, uint8_t* out) {
  const auto [pixels, height, width, channels] = source;
  const auto [left, top, right, bottom] = resizing.box;
  const Scaling across_scaling{width, left, right, resizing.width};
  const Scaling down_scaling{height, top, bottom, resizing.height};
  const bool is_across = !across_scaling.IsIdentity();
  const bool is_down = !down_scaling.IsIdentity();
  if (!is_across && !is_down) return CopyPart(source, rows, columns, out);
  const Filter filter = resizing.filter;
  if (filter == Filter::kNearest) {
    return CopyNearest(source, NearestPixels(down_scaling, rows), NearestPixels(across_scaling, columns), out);
  }

  // Only the rows and columns that some window covers are read. Where an axis keeps its size, each pixel covers itself.
  const Windows across = is_across ? WindowsOf(across_scaling, filter, columns) : Windows{};
  const Windows down = is_down ? WindowsOf(down_scaling, filter, rows) : Windows{};
  const Span in_columns = is_across ? Span{across.First(), across.End() - across.First()} : columns;
  const Span in_rows = is_down ? Span{down.First(), down.End() - down.First()} : rows;
  const int64_t stride = width * channels;
  const Lines covered{pixels + in_rows.first * stride + in_columns.first * channels, stride, in_rows.count};
  const int64_t in_length = in_columns.count * channels;

  if (!is_across) return WeighColumns(covered, in_length, down, kernels, out);
  // Both passes round, so their order shows in the result. Pillow 12.3 takes very tall images down the columns first.
  const bool is_down_first = is_down && height > width * 100 && resizing.height < height;
  const RowPass row_pass(is_down_first ? rows.count : in_rows.count, channels, across, kernels);
  if (!is_down) return row_pass.Run(covered, out);
  if (!is_down_first) return WeighRowsThenColumns(covered, row_pass, down, kernels, out);

  const Buffer between = Allocate(rows.count * in_length);
  WeighColumns(covered, in_length, down, kernels, between.get());
  row_pass.Run({between.get(), in_length, rows.count}, out);
}

}  // namespace napi_torch::image
