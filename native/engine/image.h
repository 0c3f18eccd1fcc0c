// Activations of the own kernels: float32, NHWC, with rows and columns of zeros around each image, so that no kernel
// needs a case for its edges, and with channels padded by zeros to whole vectors.
#pragma once

#include <cstdint>

namespace napi_torch::engine {

struct ImageLayout {
  int64_t n = 0;
  int64_t c = 0;
  int64_t h = 0;
  int64_t w = 0;
  // Rows and columns of zeros on each side.
  int64_t border = 0;
  // Floats from a pixel to the next: `c` rounded up to a multiple of the kernels' block.
  int64_t channels = 0;
  // Floats from a row to the next, and from an image to the next.
  int64_t row_stride = 0;
  int64_t image_stride = 0;

  static ImageLayout Of(int64_t n, int64_t c, int64_t h, int64_t w, int64_t border, int64_t block) {
    const auto round_up = [](int64_t size, int64_t step) { return (size + step - 1) / step * step; };
    // Tiles of 4 x 4 may reach beyond an image, but not beyond its border.
    const int64_t tile = border > 0 ? 4 : 1;
    ImageLayout layout{n, c, h, w, border, round_up(c, block), 0, 0};
    layout.row_stride = (round_up(w, tile) + 2 * border) * layout.channels;
    layout.image_stride = (round_up(h, tile) + 2 * border) * layout.row_stride;
    return layout;
  }

  // Memory of all images, borders included.
  int64_t floats() const { return n * image_stride; }
  // From the start of that memory to the first pixel.
  int64_t origin() const { return border * (row_stride + channels); }
};

// Images in memory.
struct Image {
  ImageLayout layout;
  float* data = nullptr;  // The first pixel of the first image, inside of the border.

  float* At(int64_t n, int64_t y, int64_t x) const {
    return data + n * layout.image_stride + y * layout.row_stride + x * layout.channels;
  }
};

}  // namespace napi_torch::engine
