// The weights of a convolution as JavaScript holds them, for the plans of one engine to share.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "conv_weights.h"

namespace napi_torch::engine {

std::shared_ptr<ConvWeights> UnwrapWeights(Napi::Value value, const std::string& name);

void InitWeights(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch::engine
