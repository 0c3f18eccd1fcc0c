#include "conv_weights.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

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

ConvWeights::ConvWeights(const KernelSet& kernels, const ConvGeometry& geometry, const float* oihw, const float* bias,
                         std::shared_ptr<const void> owner)
    : kernels_(kernels),
      geometry_(geometry),
      source_(std::move(owner), oihw),
      panels_((geometry.out_channels + kernels.block - 1) / kernels.block),
      bias_(NewFloats(panels_ * kernels.block)) {
  if (bias != nullptr) std::copy_n(bias, geometry.out_channels, bias_.get());
}

int64_t ConvWeights::bytes() const {
  const int64_t floats = by_tap_.count + by_channel_.count + winograd2_.count + winograd4_.count;
  return floats * static_cast<int64_t>(sizeof(float));
}

void ConvWeights::ReleaseSource() { std::atomic_store(&source_, {}); }

std::shared_ptr<const float> ConvWeights::Source() const {
  std::shared_ptr<const float> source = std::atomic_load(&source_);
  if (source != nullptr) return source;
  if (winograd2_.count != 0) return Restored(winograd2_, kInverse2);
  if (winograd4_.count != 0) return Restored(winograd4_, kInverse4);
  throw std::logic_error("The weights can no longer be packed");
}

// The weights (O, I, 3, 3), but for the rounding of their transform.
template <int64_t kTile>
std::shared_ptr<const float> ConvWeights::Restored(const Form& form, const double (&inverse)[3][kTile]) const {
  const int64_t channels = geometry_.in_channels;
  const int64_t block = kernels_.block;
  const int64_t position_floats = channels * block;
  const std::shared_ptr<float[]> oihw = NewFloats(geometry_.out_channels * channels * 9);
  for (int64_t o = 0; o < geometry_.out_channels; ++o) {
    for (int64_t c = 0; c < channels; ++c) {
      const float* const u = form.floats.get() + o / block * kTile * kTile * position_floats + c * block + o % block;
      float* const g = oihw.get() + (o * channels + c) * 9;
      double half[3][kTile] = {};
      for (int64_t i = 0; i < 3; ++i) {
        for (int64_t j = 0; j < kTile; ++j) {
          for (int64_t k = 0; k < kTile; ++k) half[i][j] += inverse[i][k] * u[(k * kTile + j) * position_floats];
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
const float* ConvWeights::Packed(Form& form, ThreadPool& pool, const At& at) {
  std::call_once(form.once, [&] {
    const std::shared_ptr<const float> oihw = Source();
    const int64_t channels = geometry_.in_channels;
    const int64_t taps = geometry_.taps();
    const int64_t block = kernels_.block;
    const int64_t panel_floats = taps * channels * block;
    AlignedFloats floats = NewFloats(panels_ * panel_floats);
    pool.Run(panels_, [&](int64_t panel, int /*thread*/) {
      const int64_t first = panel * block;
      const int64_t outputs = std::min(block, geometry_.out_channels - first);
      float* const target = floats.get() + panel * panel_floats;
      for (int64_t o = 0; o < outputs; ++o) {
        const float* source = oihw.get() + (first + o) * channels * taps;
        for (int64_t c = 0; c < channels; ++c) {
          for (int64_t tap = 0; tap < taps; ++tap) target[at(tap, c) * block + o] = *source++;
        }
      }
    });
    form.floats = std::move(floats);
    form.count = panels_ * panel_floats;
  });
  return form.floats.get();
}

const float* ConvWeights::ByTap(ThreadPool& pool) {
  return Packed(by_tap_, pool, [this](int64_t tap, int64_t c) { return tap * geometry_.in_channels + c; });
}

const float* ConvWeights::ByChannel(ThreadPool& pool) {
  return Packed(by_channel_, pool, [this](int64_t tap, int64_t c) { return c * geometry_.taps() + tap; });
}

template <int64_t kTile>
const float* ConvWeights::Transformed(Form& form, const double (&transform)[kTile][3], ThreadPool& pool) {
  std::call_once(form.once, [&] {
    const std::shared_ptr<const float> oihw = Source();
    const int64_t channels = geometry_.in_channels;
    const int64_t block = kernels_.block;
    const int64_t position_floats = channels * block;
    const int64_t panel_floats = kTile * kTile * position_floats;
    AlignedFloats floats = NewFloats(panels_ * panel_floats);
    pool.Run(panels_, [&](int64_t panel, int /*thread*/) {
      const int64_t first = panel * block;
      const int64_t outputs = std::min(block, geometry_.out_channels - first);
      for (int64_t c = 0; c < channels; ++c) {
        float* const target = floats.get() + panel * panel_floats + c * block;
        for (int64_t o = 0; o < outputs; ++o) {
          const float* const g = oihw.get() + ((first + o) * channels + c) * 9;
          double half[kTile][3];
          for (int64_t i = 0; i < kTile; ++i) {
            const double* const row = transform[i];
            for (int64_t j = 0; j < 3; ++j) half[i][j] = row[0] * g[j] + row[1] * g[3 + j] + row[2] * g[6 + j];
          }
          for (int64_t i = 0; i < kTile; ++i) {
            for (int64_t j = 0; j < kTile; ++j) {
              const double* const row = transform[j];
              const double u = half[i][0] * row[0] + half[i][1] * row[1] + half[i][2] * row[2];
              target[(i * kTile + j) * position_floats + o] = static_cast<float>(u);
            }
          }
        }
      }
    });
    form.floats = std::move(floats);
    form.count = panels_ * panel_floats;
  });
  return form.floats.get();
}

const float* ConvWeights::Winograd2(ThreadPool& pool) { return Transformed(winograd2_, kTransform2, pool); }

const float* ConvWeights::Winograd4(ThreadPool& pool) { return Transformed(winograd4_, kTransform4, pool); }

}  // namespace napi_torch::engine
