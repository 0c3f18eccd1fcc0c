// The weights of a convolution, packed as the native kernels read them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "../kernels/kernels.h"
#include "floats.h"
#include "thread_pool.h"

namespace napi_torch::engine {

struct ConvGeometry {
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  std::array<int64_t, 2> kernel{1, 1};
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 2> padding{0, 0};
  std::array<int64_t, 2> dilation{1, 1};

  // Positions of the kernel.
  int64_t taps() const { return kernel[0] * kernel[1]; }
  int64_t OutputSize(int64_t input, size_t dim) const {
    return (input + 2 * padding[dim] - dilation[dim] * (kernel[dim] - 1) - 1) / stride[dim] + 1;
  }
  // Whether Winograd's minimal filtering applies: 3 x 3, stride 1, padding 1.
  bool IsWinograd() const;
};

// Each algorithm reads the weights in a packed form. A form is computed when it is first asked for, and then shared:
// plans for several batch sizes use the same weights. A form is a sequence of panels of `block` output channels, with
// zeros beyond the last channel.
class ConvWeights {
 public:
  // `oihw` (O, I, kH, kW) and `bias` (O), null for zeros, must live as long as `owner`.
  ConvWeights(const KernelSet& kernels, const ConvGeometry& geometry, const float* oihw, const float* bias,
              std::shared_ptr<const void> owner);

  const ConvGeometry& geometry() const { return geometry_; }
  const KernelSet& kernels() const { return kernels_; }
  int64_t panels() const { return panels_; }
  const float* bias() const { return bias_.get(); }
  // Bytes of the packed forms.
  int64_t bytes() const;
  // Releases what the forms are packed of: those that are there remain. Others can be made of a transformed one
  // alone.
  void ReleaseSource();

  // [panel][row][column][input channel][block]: for activations NHWC.
  const float* ByTap(ThreadPool& pool);
  // [panel][input channel][row][column][block]: for an NCHW input.
  const float* ByChannel(ThreadPool& pool);
  // [panel][position][input channel][block]: G g G^T of F(2 x 2, 3 x 3) or F(4 x 4, 3 x 3), computed in float64.
  const float* Winograd2(ThreadPool& pool);
  const float* Winograd4(ThreadPool& pool);

 private:
  struct Form {
    std::once_flag once;
    AlignedFloats floats;
    std::atomic<int64_t> count{0};  // Of floats; bytes() reads it on any thread.
  };

  std::shared_ptr<const float> Source() const;
  template <int64_t kTile>
  std::shared_ptr<const float> Restored(const Form& form, const double (&inverse)[3][kTile]) const;
  template <int64_t kTile>
  const float* Transformed(Form& form, const double (&transform)[kTile][3], ThreadPool& pool);
  template <class At>
  const float* Packed(Form& form, ThreadPool& pool, const At& at);

  const KernelSet& kernels_;
  ConvGeometry geometry_;
  std::shared_ptr<const float> source_;  // Read and released on several threads.
  int64_t panels_;
  AlignedFloats bias_;
  Form by_tap_;
  Form by_channel_;
  Form winograd2_;
  Form winograd4_;
};

}  // namespace napi_torch::engine
