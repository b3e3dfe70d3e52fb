/// Prints the instruction sets of the row kernel that this machine has, one a line, best first.
#include <cstdio>

#include "orbitmill/kernel/row_kernel.hpp"

int main() {
  for (const std::string& name : orbitmill::row_kernel_names()) std::puts(name.c_str());
}
