// Steps of a plan on bytes: see bytes.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bytes.h"
#include "part.h"
#include "step.h"

namespace napi_torch::engine {

class BytesStep final : public Step {
 public:
  enum class Kind { kQuantize, kDequantize, kMaxPool, kMean };
  struct Parts {
    Kind kind = Kind::kQuantize;
    size_t input = 0;
    size_t output = 0;
    // Of the output.
    std::vector<int64_t> sizes;
    ByteScale scale;
    PoolGeometry geometry;
  };

  explicit BytesStep(Parts parts) : parts_(std::move(parts)) {}

  // Whether a step of that kind is one of these.
  static bool IsKind(const std::string& kind);
  // Reads all but what stands in the plan: the values and their sizes.
  static std::unique_ptr<Step> Read(const Part& spec, size_t input, size_t output, const std::vector<int64_t>& sizes);

  void Run(Frame& frame) override;

 private:
  Parts parts_;
};

}  // namespace napi_torch::engine
