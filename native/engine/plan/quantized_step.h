// Steps of a plan on quantized activations (uint8, channels-last): see network/quantized.h.
#pragma once

#include <memory>
#include <string>

#include "spec_reader.h"
#include "step.h"
#include "value_table.h"

namespace napi_torch::engine {

// Whether ReadQuantizedStep reads steps of that kind.
bool IsQuantizedStep(const std::string& kind);

std::unique_ptr<Step> ReadQuantizedStep(const SpecReader& spec, ValueTable& values);

}  // namespace napi_torch::engine
