#include "conv_weights.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "half.h"

namespace napi_torch::engine {
namespace {

// G of Lavin and Gray, for the points 0, 1, -1 (2, -2) and infinity, with the scales moved from A and B into it.
constexpr double kTransform2[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
constexpr double kTransform4[6][3] = {{1. / 4, 0, 0},
                                      {-1. / 6, -1. / 6, -1. / 6},
                                      {-1. / 6, 1. / 6, -1. / 6},
                                      {1. / 24, 1. / 12, 1. / 6},
                                      {1. / 24, -1. / 12, 1. / 6},
                                      {0, 0, 1}};

// Their inverses from the left: the weights of a row of a kernel, from its transform.
constexpr double kInverse2[3][4] = {{1, 0, 0, 0}, {0, 1, -1, 0}, {0, 0, 0, 1}};
constexpr double kInverse4[3][6] = {{4, 0, 0, 0, 0, 0}, {0, -3, 3, 0, 0, 0}, {0, 0, 0, 0, 0, 1}};

}  // namespace

bool ConvGeometry::IsWinograd() const {
  constexpr std::array<int64_t, 2> kOnes{1, 1};
  return kernel == std::array<int64_t, 2>{3, 3} && stride == kOnes && padding == kOnes && dilation == kOnes;
}

// Divides by the scale of the output channel, which is a power of two, where the elements are halves.
class ConvWeights::Writer {
 public:
  Writer(const ConvWeights& weights, int64_t count)
      : is_half_(weights.is_half_),
        scale_(weights.scale()),
        bytes_(count * (weights.is_half_ ? 2 : 4)),
        memory_(NewFloats((bytes_ + 3) / 4)) {}

  void Write(int64_t at, int64_t output, float value) const {
    if (is_half_) {
      reinterpret_cast<uint16_t*>(memory_.get())[at] = ToHalf(value / scale_[output]);
    } else {
      memory_[static_cast<size_t>(at)] = value;
    }
  }

  // Values of neighboring outputs.
  void WriteAll(int64_t at, int64_t first, const float* values, int64_t count) const {
    if (is_half_) {
      for (int64_t o = 0; o < count; ++o) Write(at + o, first + o, values[o]);
    } else {
      std::copy_n(values, count, memory_.get() + at);
    }
  }

  void Finish(Form& form) {
    form.memory = std::move(memory_);
    form.bytes = bytes_;
  }

 private:
  bool is_half_;
  const float* scale_;
  int64_t bytes_;
  AlignedFloats memory_;
};

ConvWeights::ConvWeights(const KernelSet& kernels, const ConvGeometry& geometry, WeightStorage storage,
                         const float* oihw, const float* bias, std::shared_ptr<const void> owner)
    : kernels_(kernels),
      geometry_(geometry),
      source_(std::move(owner), oihw),
      panels_((geometry.out_channels + kernels.block - 1) / kernels.block),
      is_half_(storage == WeightStorage::kFloat16),
      scale_(NewFloats(panels_ * kernels.block)),
      bias_(NewFloats(panels_ * kernels.block)) {
  std::fill_n(scale_.get(), panels_ * kernels.block, 1.0F);
  if (is_half_) SelectScales(oihw);
  if (bias != nullptr) std::copy_n(bias, geometry.out_channels, bias_.get());
}

// The largest weight of a channel becomes a number from 1 to 2: transforms at most quadruple it, and what halves cannot
// hold is smaller by 2^-24.
void ConvWeights::SelectScales(const float* oihw) {
  const int64_t count = geometry_.in_channels * geometry_.taps();
  for (int64_t o = 0; o < geometry_.out_channels; ++o) {
    float largest = 0;
    bool is_finite = true;
    for (int64_t i = 0; i < count; ++i) {
      const float weight = oihw[o * count + i];
      is_finite = is_finite && std::isfinite(weight);
      largest = std::max(largest, std::fabs(weight));
    }
    if (!is_finite) {
      is_half_ = false;
      std::fill_n(scale_.get(), panels_ * kernels_.block, 1.0F);
      return;
    }
    // A scale that is subnormal itself could not be divided by.
    if (largest >= 0x1p-100F) scale_[static_cast<size_t>(o)] = std::ldexp(1.0F, std::ilogb(largest));
  }
}

int64_t ConvWeights::bytes() const { return by_tap_.bytes + by_channel_.bytes + winograd2_.bytes + winograd4_.bytes; }

void ConvWeights::ReleaseSource() { std::atomic_store(&source_, {}); }

std::shared_ptr<const float> ConvWeights::Source() const {
  std::shared_ptr<const float> source = std::atomic_load(&source_);
  if (source != nullptr) return source;
  if (winograd2_.bytes != 0) return Restored(winograd2_, kInverse2);
  if (winograd4_.bytes != 0) return Restored(winograd4_, kInverse4);
  throw std::logic_error("The weights can no longer be packed");
}

// The weights (O, I, 3, 3), but for the rounding of their transform.
template <int64_t kTile>
std::shared_ptr<const float> ConvWeights::Restored(const Form& form, const double (&inverse)[3][kTile]) const {
  const int64_t channels = geometry_.in_channels;
  const int64_t block = kernels_.block;
  const int64_t position_floats = channels * block;
  const std::shared_ptr<float[]> oihw = NewFloats(geometry_.out_channels * channels * 9);
  const auto* const halves = reinterpret_cast<const uint16_t*>(form.memory.get());
  for (int64_t o = 0; o < geometry_.out_channels; ++o) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t first = o / block * kTile * kTile * position_floats + c * block + o % block;
      const auto u = [&](int64_t position) {
        const int64_t at = first + position * position_floats;
        return is_half_ ? FromHalf(halves[at]) * scale_[static_cast<size_t>(o)] : form.memory[static_cast<size_t>(at)];
      };
      float* const g = oihw.get() + (o * channels + c) * 9;
      double half[3][kTile] = {};
      for (int64_t i = 0; i < 3; ++i) {
        for (int64_t j = 0; j < kTile; ++j) {
          for (int64_t k = 0; k < kTile; ++k) half[i][j] += inverse[i][k] * u(k * kTile + j);
        }
      }
      for (int64_t i = 0; i < 3; ++i) {
        for (int64_t j = 0; j < 3; ++j) {
          double weight = 0;
          for (int64_t k = 0; k < kTile; ++k) weight += half[i][k] * inverse[j][k];
          g[i * 3 + j] = static_cast<float>(weight);
        }
      }
    }
  }
  return {oihw, oihw.get()};
}

// Packs a form whose panels are [taps * channels][block]; `at(tap, channel)` is the row of a weight in its panel.
template <class At>
StoredWeights ConvWeights::Packed(Form& form, ThreadPool& pool, const At& at) {
  std::call_once(form.once, [&] {
    const std::shared_ptr<const float> oihw = Source();
    const int64_t channels = geometry_.in_channels;
    const int64_t taps = geometry_.taps();
    const int64_t block = kernels_.block;
    const int64_t panel_floats = taps * channels * block;
    Writer writer(*this, panels_ * panel_floats);
    pool.Run(panels_, [&](int64_t panel, int /*thread*/) {
      const int64_t first = panel * block;
      const int64_t outputs = std::min(block, geometry_.out_channels - first);
      const int64_t target = panel * panel_floats;
      for (int64_t o = 0; o < outputs; ++o) {
        const float* source = oihw.get() + (first + o) * channels * taps;
        for (int64_t c = 0; c < channels; ++c) {
          for (int64_t tap = 0; tap < taps; ++tap) {
            writer.Write(target + at(tap, c) * block + o, first + o, *source++);
          }
        }
      }
    });
    writer.Finish(form);
  });
  return Stored(form);
}

StoredWeights ConvWeights::ByTap(ThreadPool& pool) {
  return Packed(by_tap_, pool, [this](int64_t tap, int64_t c) { return tap * geometry_.in_channels + c; });
}

StoredWeights ConvWeights::ByChannel(ThreadPool& pool) {
  return Packed(by_channel_, pool, [this](int64_t tap, int64_t c) { return c * geometry_.taps() + tap; });
}

template <int64_t kTile>
StoredWeights ConvWeights::Transformed(Form& form, const double (&transform)[kTile][3], ThreadPool& pool) {
  std::call_once(form.once, [&] {
    const std::shared_ptr<const float> oihw = Source();
    const int64_t channels = geometry_.in_channels;
    const int64_t block = kernels_.block;
    const int64_t position_floats = channels * block;
    const int64_t panel_floats = kTile * kTile * position_floats;
    Writer writer(*this, panels_ * panel_floats);
    pool.Run(panels_, [&](int64_t panel, int /*thread*/) {
      const int64_t first = panel * block;
      const int64_t outputs = std::min(block, geometry_.out_channels - first);
      // The outputs of a block lie innermost, so that the compiler computes several at a time.
      double g[9][kMaxBlock] = {};
      double half[kTile][3][kMaxBlock];
      float u[kMaxBlock];
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t o = 0; o < outputs; ++o) {
          const float* const kernel = oihw.get() + ((first + o) * channels + c) * 9;
          for (int64_t tap = 0; tap < 9; ++tap) g[tap][o] = kernel[tap];
        }
        for (int64_t i = 0; i < kTile; ++i) {
          const double* const row = transform[i];
          for (int64_t j = 0; j < 3; ++j) {
            for (int64_t o = 0; o < block; ++o) {
              half[i][j][o] = row[0] * g[j][o] + row[1] * g[3 + j][o] + row[2] * g[6 + j][o];
            }
          }
        }
        const int64_t target = panel * panel_floats + c * block;
        for (int64_t i = 0; i < kTile; ++i) {
          for (int64_t j = 0; j < kTile; ++j) {
            const double* const row = transform[j];
            for (int64_t o = 0; o < block; ++o) {
              u[o] = static_cast<float>(half[i][0][o] * row[0] + half[i][1][o] * row[1] + half[i][2][o] * row[2]);
            }
            writer.WriteAll(target + (i * kTile + j) * position_floats, first, u, outputs);
          }
        }
      }
    });
    writer.Finish(form);
  });
  return Stored(form);
}

StoredWeights ConvWeights::Winograd2(ThreadPool& pool) { return Transformed(winograd2_, kTransform2, pool); }

StoredWeights ConvWeights::Winograd4(ThreadPool& pool) { return Transformed(winograd4_, kTransform4, pool); }

}  // namespace napi_torch::engine
