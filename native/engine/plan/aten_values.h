// Reads the parts of a specification that stand for values of libtorch.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <c10/core/Device.h>

#include "spec_reader.h"

namespace napi_torch::engine {

at::ScalarType ReadDType(const SpecReader& spec);

// A device, with its index. Throws TORCH_CUDA_UNAVAILABLE where the machine lacks it.
at::Device ReadDevice(const SpecReader& spec);

// A tensor on `device`.
at::Tensor ReadTensor(const SpecReader& spec, const at::Device& device);

// An argument of an operator that is not a tensor, as a value of the type that the schema of the operator declares.
c10::IValue ReadLiteral(const SpecReader& spec, const c10::TypePtr& type);

}  // namespace napi_torch::engine
