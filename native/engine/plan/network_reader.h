#pragma once

#include <cstdint>
#include <memory>

#include "spec_reader.h"
#include "step.h"
#include "value_table.h"

namespace napi_torch::engine {

// Reads a network step, the `ordinal`-th of a plan. Throws TORCH_INVALID_ARGUMENT where a run of it could access memory
// outside its buffers.
std::unique_ptr<Step> ReadNetworkStep(const SpecReader& spec, int64_t ordinal, ValueTable& values);

}  // namespace napi_torch::engine
