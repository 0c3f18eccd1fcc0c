// The order of the floating-point operations is Pillow's wherever another order could round differently.
#include "windows.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/kernels.h"

namespace napi_torch::image {
namespace {

// A filter: its weight at a distance from the center, and the distance from which on it is zero.
struct Kernel {
  double (*weight)(double distance);
  double support;
};

double Sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double BoxWeight(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double BilinearWeight(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double HammingWeight(double x) {
  x = std::abs(x);
  if (x >= 1.0) return 0.0;
  // The constants are floats in Pillow, whose double value is not 0.54.
  return x == 0.0 ? 1.0 : Sinc(x) * (0.54f + 0.46f * std::cos(x * std::numbers::pi));
}

double BicubicWeight(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double LanczosWeight(double x) { return x >= -3.0 && x < 3.0 ? Sinc(x) * Sinc(x / 3) : 0.0; }

Kernel KernelOf(Filter filter) {
  switch (filter) {
    case Filter::kBilinear:
      return {BilinearWeight, 1.0};
    case Filter::kHamming:
      return {HammingWeight, 1.0};
    case Filter::kBicubic:
      return {BicubicWeight, 2.0};
    case Filter::kLanczos:
      return {LanczosWeight, 3.0};
    default:
      return {BoxWeight, 0.5};
  }
}

}  // namespace

Windows WindowsOf(const Scaling& scaling, Filter filter, const Span& part) {
  const auto [source_size, from, to, size] = scaling;
  const Kernel kernel = KernelOf(filter);
  const double scale = static_cast<double>(to - from) / static_cast<double>(size);
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;
  const double shrink = 1.0 / stretch;

  Windows result;
  result.windows.reserve(static_cast<size_t>(part.count));
  std::vector<double> exact;
  for (int64_t i = part.first; i < part.first + part.count; ++i) {
    const double center = from + (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const auto end = std::min(static_cast<int64_t>(center + support + 0.5), source_size);
    result.windows.push_back({first, end - first, result.weights.size()});

    exact.clear();
    double sum = 0.0;
    for (int64_t x = first; x < end; ++x) {
      exact.push_back(kernel.weight((static_cast<double>(x) - center + 0.5) * shrink));
      sum += exact.back();
    }
    for (const double weight : exact) {
      const double scaled = (sum != 0.0 ? weight / sum : weight) * (1 << kPrecisionBits);
      result.weights.push_back(static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return result;
}

// The positions are summed up, not multiplied, as Pillow does: the rounding errors of the sum decide at the border of
// two pixels.
std::vector<int64_t> NearestPixels(const Scaling& scaling, const Span& part) {
  const auto [source_size, from, to, size] = scaling;
  const double scale = static_cast<double>(to - from) / static_cast<double>(size);
  std::vector<int64_t> pixels;
  pixels.reserve(static_cast<size_t>(part.count));
  double position = from + scale * 0.5;
  for (int64_t i = 0; i < part.first + part.count; ++i) {
    const auto nearest = static_cast<int64_t>(position);
    if (i >= part.first) pixels.push_back(nearest < source_size ? nearest : -1);
    position += scale;
  }
  return pixels;
}

}  // namespace napi_torch::image
