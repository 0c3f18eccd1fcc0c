// Handles by which JavaScript holds the weights of convolutions, which the plans of an engine share.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "../network/conv_weights.h"

namespace napi_torch::engine {

// The weights of a handle that is not disposed; `name` is the argument in the error otherwise.
std::shared_ptr<ConvWeights> UnwrapWeights(Napi::Value value, const std::string& name);

void InitWeights(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch::engine
