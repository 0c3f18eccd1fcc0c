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

// In what the packed forms of weights are stored. All computation is in float32.
enum class WeightStorage {
  kFloat32,
  // With a power of two for each output channel, by which sums are multiplied: half the memory, and an error of at
  // most 2^-11 of each weight. Weights that are not finite stay in float32.
  kFloat16,
};

// Each algorithm reads the weights in a packed form. A form is computed when it is first asked for, and then shared:
// plans for several batch sizes use the same weights. A form is a sequence of panels of `block` output channels, with
// zeros beyond the last channel.
class ConvWeights {
 public:
  // `oihw` (O, I, kH, kW) and `bias` (O), null for zeros, must live as long as `owner`.
  ConvWeights(const KernelSet& kernels, const ConvGeometry& geometry, WeightStorage storage, const float* oihw,
              const float* bias, std::shared_ptr<const void> owner);

  const ConvGeometry& geometry() const { return geometry_; }
  const KernelSet& kernels() const { return kernels_; }
  int64_t panels() const { return panels_; }
  const float* bias() const { return bias_.get(); }
  // What the sums of each output channel are multiplied by.
  const float* scale() const { return scale_.get(); }
  // Bytes of the packed forms.
  int64_t bytes() const;
  // Releases what the forms are packed of: those that are there remain. Others can be made of a transformed one
  // alone.
  void ReleaseSource();

  // [panel][row][column][input channel][block]: for activations NHWC.
  StoredWeights ByTap(ThreadPool& pool);
  // [panel][input channel][row][column][block]: for an NCHW input.
  StoredWeights ByChannel(ThreadPool& pool);
  // [panel][position][input channel][block]: G g G^T of F(2 x 2, 3 x 3) or F(4 x 4, 3 x 3), computed in float64.
  StoredWeights Winograd2(ThreadPool& pool);
  StoredWeights Winograd4(ThreadPool& pool);

 private:
  struct Form {
    std::once_flag once;
    AlignedFloats memory;
    std::atomic<int64_t> bytes{0};  // bytes() reads it on any thread.
  };
  // Writes the elements of a form.
  class Writer;

  std::shared_ptr<const float> Source() const;
  template <int64_t kTile>
  std::shared_ptr<const float> Restored(const Form& form, const double (&inverse)[3][kTile]) const;
  template <int64_t kTile>
  StoredWeights Transformed(Form& form, const double (&transform)[kTile][3], ThreadPool& pool);
  template <class At>
  StoredWeights Packed(Form& form, ThreadPool& pool, const At& at);
  void SelectScales(const float* oihw);
  StoredWeights Stored(const Form& form) const { return {form.memory.get(), is_half_}; }

  const KernelSet& kernels_;
  ConvGeometry geometry_;
  std::shared_ptr<const float> source_;  // Read and released on several threads.
  int64_t panels_;
  bool is_half_;
  AlignedFloats scale_;
  AlignedFloats bias_;
  Form by_tap_;
  Form by_channel_;
  Form winograd2_;
  Form winograd4_;
};

}  // namespace napi_torch::engine
