#include "orbitmill/app/application.hpp"

int main(int argc, char** argv) {
  return orbitmill::run_application(argc, argv);
}
