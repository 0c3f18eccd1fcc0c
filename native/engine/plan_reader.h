// Reads a plan as lib/engine hands it over: see PlanSpec in lib/libtorch/binding.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "plan.h"

namespace napi_torch::engine {

// Refuses whatever could make a run touch memory or values that are not there.
std::shared_ptr<Plan> ReadPlan(Napi::Value spec);

}  // namespace napi_torch::engine
