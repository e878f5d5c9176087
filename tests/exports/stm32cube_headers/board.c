/* A little of a HAL and a startup for the STM32F405, as QEMU's netduinoplus2 emulates it: enough
 * for one USART that receives by interrupt and transmits by polling, and for a tick every
 * millisecond. */
#include "main.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define NVIC_ISER1 (*(volatile uint32_t *)0xE000E104u)
#define USART1_IRQ 37
#define SR_RXNE (1u << 5)
#define SR_TXE (1u << 7)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_RXNEIE (1u << 5)
#define CR1_UE (1u << 13)

extern uint8_t _estack[], _sidata[], _sdata[], _edata[], _sbss[], _ebss[];
extern UART_HandleTypeDef huart2;

int main(void);
void Reset_Handler(void);
void SysTick_Handler(void);
void USART1_IRQHandler(void);

uint32_t SystemCoreClock = 168000000u;

static volatile uint32_t milliseconds;

__attribute__((section(".isr_vector"), used)) static void *const vectors[16 + 82] = {
    _estack,
    (void *)Reset_Handler,
    [15] = (void *)SysTick_Handler,
    [16 + USART1_IRQ] = (void *)USART1_IRQHandler,
};

uint32_t HAL_GetTick(void) {
    return milliseconds;
}

void SysTick_Handler(void) {
    milliseconds++;
}

HAL_StatusTypeDef HAL_UART_Receive_IT(UART_HandleTypeDef *huart, uint8_t *pData, uint16_t Size) {
    if (huart->RxState != HAL_UART_STATE_READY || Size != 1) {
        return HAL_BUSY;
    }
    huart->pRxBuffPtr = pData;
    huart->RxState = HAL_UART_STATE_BUSY_RX;
    huart->Instance->CR1 |= CR1_RXNEIE;
    return HAL_OK;
}

/* As ST's: reception has ended when the callback is called, which starts it anew. */
void USART1_IRQHandler(void) {
    if ((huart2.Instance->SR & SR_RXNE) != 0) {
        *huart2.pRxBuffPtr = (uint8_t)huart2.Instance->DR;
        huart2.Instance->CR1 &= ~CR1_RXNEIE;
        huart2.RxState = HAL_UART_STATE_READY;
        HAL_UART_RxCpltCallback(&huart2);
    }
}

HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *huart, const uint8_t *pData, uint16_t Size,
                                    uint32_t Timeout) {
    static unsigned calls;
    (void)Timeout;
    if (++calls % 3u == 0) {
        return HAL_BUSY; /* now and then, as if somebody else were writing */
    }
    for (uint16_t i = 0; i < Size; i++) {
        while ((huart->Instance->SR & SR_TXE) == 0) {
        }
        huart->Instance->DR = pData[i];
    }
    return HAL_OK;
}

void Reset_Handler(void) {
    const uint8_t *image = _sidata;
    for (uint8_t *p = _sdata; p < _edata; p++) {
        *p = *image++;
    }
    for (uint8_t *p = _sbss; p < _ebss; p++) {
        *p = 0;
    }
    SYST_RVR = SystemCoreClock / 1000u - 1u;
    SYST_CVR = 0;
    SYST_CSR = 7u;
    huart2.Instance = USART1; /* QEMU's first serial port */
    huart2.RxState = HAL_UART_STATE_READY;
    huart2.Instance->CR1 = CR1_UE | CR1_TE | CR1_RE;
    NVIC_ISER1 = 1u << (USART1_IRQ - 32);
    (void)main();
    for (;;) {
    }
}
