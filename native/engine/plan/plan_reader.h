// Reads a plan from the specification that lib/engine makes: see PlanSpec in lib/libtorch/plan_spec.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "plan.h"

namespace napi_torch::engine {

// Throws TORCH_INVALID_ARGUMENT where a run of the plan could access memory or values that do not exist.
std::shared_ptr<Plan> ReadPlan(Napi::Value value);

}  // namespace napi_torch::engine
