#include "convolution.h"

#include <algorithm>
#include <array>
#include <utility>

#include "conv_algorithms.h"

namespace napi_torch::engine {
namespace {

constexpr std::array<std::pair<std::string_view, Algorithm>, 8> kNames{{
    {"direct", Algorithm::kDirect},
    {"nchw", Algorithm::kNchw},
    {"winograd2", Algorithm::kWinograd2},
    {"winograd4", Algorithm::kWinograd4},
    {"winograd2ByChannel", Algorithm::kWinograd2ByChannel},
    {"winograd4ByChannel", Algorithm::kWinograd4ByChannel},
    {"winograd2Phased", Algorithm::kWinograd2Phased},
    {"winograd4Phased", Algorithm::kWinograd4Phased},
}};

}  // namespace

std::optional<Algorithm> AlgorithmOf(std::string_view name) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& each) { return each.first == name; });
  if (found == kNames.end()) return std::nullopt;
  return found->second;
}

bool Supports(const ConvGeometry& geometry, Algorithm algorithm) {
  return algorithm == Algorithm::kDirect || algorithm == Algorithm::kNchw || geometry.IsWinograd();
}

int64_t BorderOf(const ConvGeometry& geometry, Algorithm algorithm) {
  if (algorithm == Algorithm::kNchw) return 0;
  return std::max(geometry.padding[0], geometry.padding[1]);
}

std::unique_ptr<Convolution> Convolution::Create(Algorithm algorithm, std::shared_ptr<ConvWeights> weights,
                                                 const ActivationLayout& in, const ActivationLayout& out,
                                                 ThreadPool& pool) {
  switch (algorithm) {
    case Algorithm::kDirect:
      return NewDirect(std::move(weights), in, out, pool);
    case Algorithm::kNchw:
      return NewNchw(std::move(weights), in, pool);
    case Algorithm::kWinograd2:
      return NewWinograd(2, WinogradOrder::kFused, std::move(weights), in, out, pool);
    case Algorithm::kWinograd4:
      return NewWinograd(4, WinogradOrder::kFused, std::move(weights), in, out, pool);
    case Algorithm::kWinograd2ByChannel:
      return NewWinograd(2, WinogradOrder::kByChannel, std::move(weights), in, out, pool);
    case Algorithm::kWinograd4ByChannel:
      return NewWinograd(4, WinogradOrder::kByChannel, std::move(weights), in, out, pool);
    case Algorithm::kWinograd2Phased:
      return NewWinograd(2, WinogradOrder::kPhased, std::move(weights), in, out, pool);
    case Algorithm::kWinograd4Phased:
      return NewWinograd(4, WinogradOrder::kPhased, std::move(weights), in, out, pool);
  }
  return nullptr;
}

}  // namespace napi_torch::engine
